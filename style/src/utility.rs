//! One utility class: its variants, its declarations, its rules.

use tailwind_rs_core::CssGenerator;

use crate::base;
use crate::sheet::Sheets;
use crate::variant::{self, Variant};

/// A property and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The property.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Declaration {
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Where a rule applies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The conditions around it, outermost first.
    pub media: Vec<String>,
    /// What follows the class in the selector.
    pub suffix: String,
}

impl Context {
    fn within(&self, inner: &Self) -> Self {
        let media = self.media.iter().chain(&inner.media).cloned().collect();
        Self { media, suffix: format!("{}{}", inner.suffix, self.suffix) }
    }
}

/// A class that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utility {
    /// The class as it stands in the markup.
    pub class: String,
    /// Where it applies; each context is a rule of its own.
    pub contexts: Vec<Context>,
    /// Whether it is about the element's children, all but the last, rather than about itself.
    pub on_children: bool,
    /// What it says.
    pub declarations: Vec<Declaration>,
    pub(crate) rank: u32,
}

impl Utility {
    /// The selector in one of its contexts.
    pub fn selector(&self, context: &Context) -> String {
        let plain = format!(".{}{}", escape(&self.class), context.suffix);
        if self.on_children { format!(":where({plain} > :not(:last-child))") } else { plain }
    }

    /// Its rules as text, one line each.
    pub fn css(&self) -> String {
        let body: String = self.declarations.iter().map(|d| format!("{}: {}; ", d.name, d.value)).collect();
        let mut css = String::new();
        for context in &self.contexts {
            for media in &context.media {
                css.push_str(media);
                css.push_str(" { ");
            }
            css.push_str(&format!("{} {{ {body}}}", self.selector(context)));
            css.push_str(&" }".repeat(context.media.len()));
            css.push('\n');
        }
        css
    }
}

/// Turns classes into utilities.
pub(crate) struct Compiler<'a> {
    sheets: &'a Sheets,
    generator: CssGenerator,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(sheets: &'a Sheets) -> Self {
        Self { sheets, generator: CssGenerator::new() }
    }

    /// The utility of a class, or nothing when it is not known to be right.
    pub(crate) fn compile(&self, class: &str) -> Option<Utility> {
        let (variants, base) = split(class)?;
        let (base, important) = base.strip_suffix('!').map_or((base, false), |base| (base, true));
        let mut base = base::declarations(&self.generator, self.sheets, base)?;
        if important {
            for declaration in &mut base.declarations {
                declaration.value.push_str(" !important");
            }
        }
        let mut contexts = vec![Context::default()];
        let mut rank = 0;
        for variant in variants.iter().rev() {
            contexts =
                variant.contexts.iter().flat_map(|outer| contexts.iter().map(|inner| outer.within(inner))).collect();
            rank = rank.max(variant.rank);
        }
        Some(Utility {
            class: class.to_owned(),
            contexts,
            on_children: base.on_children,
            declarations: base.declarations,
            rank,
        })
    }
}

/// Splits a class at its colons, outside square brackets.
fn split(class: &str) -> Option<(Vec<Variant>, &str)> {
    let mut depth = 0_u32;
    let mut variants = Vec::new();
    let mut start = 0;
    for (at, letter) in class.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                variants.push(variant::parse(&class[start..at])?);
                start = at + 1;
            }
            _ => {}
        }
    }
    Some((variants, &class[start..]))
}

/// A class name as a selector writes it (CSSOM's serialisation of an identifier, for ASCII).
pub(crate) fn escape(class: &str) -> String {
    let mut out = String::with_capacity(class.len() + 4);
    for (at, letter) in class.chars().enumerate() {
        let leading_digit = letter.is_ascii_digit() && (at == 0 || (at == 1 && class.starts_with('-')));
        if leading_digit {
            out.push_str(&format!("\\{:x} ", u32::from(letter)));
        } else if letter.is_ascii_alphanumeric() || letter == '-' || letter == '_' || !letter.is_ascii() {
            out.push(letter);
        } else {
            out.push('\\');
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn css(class: &str) -> String {
        let sheets = Sheets::from_text(":root { --surface: light-dark(#fff, #000); }", "");
        Compiler::new(&sheets).compile(class).map_or_else(|| "refused".into(), |utility| utility.css())
    }

    #[test]
    fn selectors_are_escaped() {
        assert_eq!(escape("md:w-1/2"), "md\\:w-1\\/2");
        assert_eq!(escape("2xl:p-2.5"), "\\32 xl\\:p-2\\.5");
        assert_eq!(escape("-1x"), "-\\31 x");
        assert_eq!(escape("w-[37rem]"), "w-\\[37rem\\]");
    }

    #[test]
    fn variants_wrap_and_suffix() {
        assert_eq!(
            css("hover:bg-surface"),
            "@media (hover: hover) { .hover\\:bg-surface:hover { background-color: var(--surface); } }\n"
        );
        assert_eq!(css("md:focus:p-4"), "@media (width >= 48rem) { .md\\:focus\\:p-4:focus { padding: 1rem; } }\n");
        assert_eq!(css("dark:hidden").lines().count(), 2);
        assert_eq!(css("md:space-y-4").matches(":where(").count(), 1);
    }

    #[test]
    fn importance_and_refusal() {
        assert_eq!(css("mt-0!"), ".mt-0\\! { margin-top: 0; }\n".replace("0; }", "0 !important; }"));
        assert_eq!(css("bogus:flex"), "refused");
        assert_eq!(css("bg-gray-100"), "refused");
    }
}
