//! Giving back what is kept: devices and supply chains as CSV, history as EPCIS, manifests as bills of materials. What
//! may be large is streamed, so that memory doesn't grow with what is asked for.

mod devices;
mod epcis;
mod hbom;
mod supply;

pub use devices::DeviceColumn;
pub use supply::{Period, SupplyOf, SupplyPage, SupplyRow};

/// Adds a line to a CSV text (RFC 4180).
pub(crate) fn csv_line<'a>(out: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (n, cell) in cells.enumerate() {
        if n > 0 {
            out.push(',');
        }
        csv_cell(out, cell);
    }
    out.push_str("\r\n");
}

/// Rows as a CSV text, guarded as every table of ours is.
#[must_use]
pub fn csv<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut out = String::new();
    for row in rows {
        csv_line(&mut out, row.iter().map(String::as_str));
    }
    out
}

/// Adds a cell. One that a spreadsheet would take for a formula is preceded by an apostrophe: what a device or a file
/// says must not run on the computer of whoever opens the table.
fn csv_cell(out: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !cell.contains([',', '"', '\n', '\r']) {
        out.push_str(cell);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    for c in cell.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_disarmed() {
        let mut out = String::new();
        csv_line(&mut out, ["a", "", "b,c", "say \"x\"", "=1+1", "-2", "@x", "+4", "\tx", "a=b"].into_iter());
        assert_eq!(out, "a,,\"b,c\",\"say \"\"x\"\"\",\"'=1+1\",\"'-2\",\"'@x\",\"'+4\",\"'\tx\",a=b\r\n");
    }
}
