//! What products, versions, checks and files may be called: they stand in addresses, file names and devices' reports.

/// How long a product's, a version's or a check's name may be.
const NAME_MAX: usize = 64;
/// How long a file's name may be.
const FILE_MAX: usize = 120;

/// Why a text can't be such a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It has more than 64 characters.
    #[error("it has more than {NAME_MAX} characters")]
    Long,
    /// It begins with something else than a letter or a digit.
    #[error("it has to begin with a letter or a digit")]
    Beginning,
    /// It holds a character that is not taken.
    #[error("“{0}” can't be in it; letters, digits and . _ - + ~ : are taken")]
    Character(char),
}

/// The name without spaces around it, if it is one of 1 to 64 ASCII letters, digits and `. _ - + ~ :`.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_name(text: &str) -> Result<&str, NameError> {
    let name = text.trim();
    let first = name.chars().next().ok_or(NameError::Empty)?;
    if name.chars().count() > NAME_MAX {
        return Err(NameError::Long);
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NameError::Beginning);
    }
    let odd = name.chars().find(|c| !(c.is_ascii_alphanumeric() || "._-+~:".contains(*c)));
    odd.map_or(Ok(name), |odd| Err(NameError::Character(odd)))
}

/// A file's name as devices ask for it: without folders, and with a hyphen for what clients might escape or not. At most
/// 120 characters of its end, where the kind is.
#[must_use]
pub fn file_name(text: &str) -> String {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._+-".contains(c) { c } else { '-' };
    let name: Vec<char> = name.chars().map(plain).collect();
    let name: String = name.iter().skip(name.len().saturating_sub(FILE_MAX)).collect();
    let name = name.trim_start_matches(['.', '-', '+']);
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}
