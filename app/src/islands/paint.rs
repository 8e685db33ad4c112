//! A fleet query, painted by its parts.

use domain::query::{TokenKind, tokens};

/// The query as the inside of an SVG text: each part in a span of its class, every letter escaped.
#[must_use]
pub fn paint(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 4);
    let mut at = 0;
    for token in tokens(text) {
        escape(text.get(at..token.span.start).unwrap_or_default(), &mut out);
        out.push_str("<tspan class=\"");
        out.push_str(match token.kind {
            TokenKind::Key => "k",
            TokenKind::Op => "op",
            TokenKind::Value => "v",
            TokenKind::Neg => "neg",
            TokenKind::Bare => "bare",
            TokenKind::Error => "wrong",
        });
        out.push_str("\">");
        escape(text.get(token.span.clone()).unwrap_or_default(), &mut out);
        out.push_str("</tspan>");
        at = token.span.end;
    }
    escape(text.get(at..).unwrap_or_default(), &mut out);
    out
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::paint;

    #[test]
    fn paint_escapes_and_keeps_every_letter() {
        let painted = paint("model:<b> & -trust:quarantined");
        assert!(!painted.contains("<b>"), "{painted}");
        let letters: String = painted.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect();
        assert_eq!(letters, "model:&lt;b&gt; &amp; -trust:quarantined");
    }
}
