//! Windows as people write them: a line each, `Mon-Fri 02:00-05:00`, `Sat,Sun 22:00-06:00`, `01:00-04:00`.

use super::{Day, Window, Windows};

/// The last minute of a day at which a window may close, as `24:00`.
const DAY: u32 = 24 * 60;

impl Windows {
    /// Reads windows, a line each; nothing for what is no window.
    #[must_use]
    pub fn lines_of(text: &str) -> Option<Vec<Window>> {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(window_of).collect()
    }

    /// The windows as [`Windows::lines_of`] reads them.
    #[must_use]
    pub fn lines(&self) -> String {
        self.open.iter().map(line_of).collect::<Vec<_>>().join("\n")
    }
}

fn window_of(line: &str) -> Option<Window> {
    let line = line.replace(['–', '—'], "-");
    let (days, times) = match line.rsplit_once(char::is_whitespace) {
        Some((days, times)) => (days_of(days)?, times.to_owned()),
        None => (Vec::new(), line.clone()),
    };
    let (from, until) = times.split_once('-')?;
    let (from, until) = (minute_of(from)?, minute_of(until)?);
    (from < DAY).then_some(Window { days, from, until })
}

fn days_of(text: &str) -> Option<Vec<Day>> {
    let mut days = Vec::new();
    for part in text.split([',', ' ']).filter(|part| !part.is_empty()) {
        match part.split_once('-') {
            None => days.push(day_of(part)?),
            Some((first, last)) => {
                let (first, last) = (place(day_of(first)?), place(day_of(last)?));
                let count = (last + Day::ALL.len() - first) % Day::ALL.len();
                days.extend((0..=count).filter_map(|n| Day::ALL.get((first + n) % Day::ALL.len())).copied());
            }
        }
    }
    days.sort_by_key(|day| place(*day));
    days.dedup();
    Some(days)
}

/// A day by the first letters of its name, however they are written.
fn day_of(text: &str) -> Option<Day> {
    let text = text.to_ascii_lowercase();
    let is_named = |day: &&Day| text.starts_with(day.as_str()) && day.label().to_ascii_lowercase().starts_with(&text);
    Day::ALL.iter().find(is_named).copied()
}

fn place(day: Day) -> usize {
    Day::ALL.iter().position(|other| *other == day).unwrap_or_default()
}

fn minute_of(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| if text.len() <= 2 { text.parse::<u32>().ok() } else { None };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let at = hours * 60 + minutes;
    (minutes < 60 && at <= DAY).then_some(at)
}

fn line_of(window: &Window) -> String {
    let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    let times = format!("{}-{}", clock(window.from), clock(window.until));
    if window.days.is_empty() {
        return times;
    }
    let days: Vec<&str> = window.days.iter().filter_map(|day| day.label().get(..3)).collect();
    format!("{} {times}", days.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn windows_are_read_as_people_write_them() {
        let read = |text: &str| Windows::lines_of(text).map(|open| Windows { zone: String::new(), open }.lines());
        assert_eq!(
            read("Mon–Fri 2:00-05:00\n\n 22:30-24:00 ").as_deref(),
            Some("Mon,Tue,Wed,Thu,Fri 02:00-05:00\n22:30-24:00")
        );
        assert_eq!(read("saturday, SUN 22:00-6:00").as_deref(), Some("Sat,Sun 22:00-06:00"));
        assert_eq!(read("fri-mon 00:00-01:00").as_deref(), Some("Mon,Fri,Sat,Sun 00:00-01:00"));
        for odd in ["Mon", "25:00-26:00", "Mox 01:00-02:00", "01:00", "1-2", "24:00-01:00", "01:60-02:00"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(
            windows in proptest::collection::vec((proptest::sample::subsequence(Day::ALL.to_vec(), 0..7), 0..DAY, 0..=DAY), 0..5)
        ) {
            let open: Vec<Window> = windows.into_iter().map(|(days, from, until)| Window { days, from, until }).collect();
            let windows = Windows { zone: String::new(), open: open.clone() };
            prop_assert_eq!(Windows::lines_of(&windows.lines()), Some(open));
        }

        #[test]
        fn no_text_makes_it_stumble(text in ".{0,40}") {
            let _ = Windows::lines_of(&text);
        }
    }
}
