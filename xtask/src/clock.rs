//! Times as people read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970, and 0 on a machine whose clock stands before that.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs())
}

/// "340 ms", "4.2 s", "3 min 05 s".
pub fn spoken(duration: Duration) -> String {
    let millis = duration.as_millis();
    match duration.as_secs() {
        0 => format!("{millis} ms"),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// "812 B", "41.3 KB".
pub fn size(bytes: usize) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        _ => format!("{}.{} KB", bytes / 1000, bytes % 1000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_well() {
        assert_eq!(spoken(Duration::from_millis(340)), "340 ms");
        assert_eq!(spoken(Duration::from_millis(4230)), "4.2 s");
        assert_eq!(spoken(Duration::from_secs(185)), "3 min 05 s");
        assert_eq!(size(812), "812 B");
        assert_eq!(size(41_390), "41.3 KB");
    }
}
