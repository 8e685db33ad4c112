//! The families of utilities whose declarations are known to be right.
//!
//! Anything else is refused, however plausible the generator's answer looks. A family comes in
//! here with a member in `reference/classes.txt`, which is held against the official compiler.

/// Classes that are one word, taken from the generator or corrected.
const WORDS: &str = "\
    flex inline-flex grid inline-grid block inline-block inline hidden contents flow-root table table-cell table-row \
    static relative absolute fixed sticky visible invisible isolate \
    flex-row flex-col flex-row-reverse flex-col-reverse flex-wrap flex-nowrap flex-1 flex-auto flex-none flex-initial \
    grow grow-0 shrink shrink-0 order-first order-last order-none \
    items-start items-center items-end items-baseline items-stretch \
    justify-start justify-center justify-end justify-between justify-around justify-evenly \
    justify-items-start justify-items-center justify-self-start justify-self-end \
    content-start content-center content-between \
    self-start self-center self-end self-stretch self-auto self-baseline \
    place-items-center place-content-center place-self-center \
    text-left text-center text-right text-start text-end text-balance text-pretty text-wrap text-nowrap \
    text-ellipsis text-clip truncate \
    text-xs text-sm text-base text-lg text-xl text-2xl text-3xl \
    font-light font-normal font-medium font-semibold font-bold font-sans font-mono \
    italic not-italic underline no-underline line-through uppercase lowercase capitalize normal-case tabular-nums \
    leading-none leading-tight leading-normal tracking-tight tracking-normal tracking-wide \
    whitespace-normal whitespace-nowrap whitespace-pre whitespace-pre-wrap whitespace-pre-line \
    break-words break-all break-normal wrap-anywhere wrap-break-word \
    grid-cols-none grid-rows-none col-span-full col-auto row-span-full \
    auto-cols-auto auto-cols-fr auto-rows-auto auto-rows-min auto-rows-fr grid-flow-row grid-flow-col grid-flow-dense \
    overflow-auto overflow-hidden overflow-visible overflow-scroll overflow-clip \
    overflow-x-auto overflow-y-auto overflow-x-hidden overflow-y-hidden overscroll-contain \
    z-auto border-solid border-dashed border-dotted border-none border-collapse \
    rounded rounded-none rounded-sm rounded-md rounded-lg rounded-xl rounded-full \
    sr-only not-sr-only cursor-pointer cursor-default cursor-not-allowed \
    select-none select-text select-all pointer-events-none pointer-events-auto appearance-none resize-none resize-y \
    list-none list-disc list-decimal list-inside align-top align-middle align-baseline align-bottom \
    object-cover object-contain aspect-square aspect-video aspect-auto table-auto table-fixed \
    box-border box-content line-clamp-2 line-clamp-3 break-inside-avoid break-after-page \
    min-w-full min-w-max min-w-fit max-w-full max-w-none max-w-xs max-w-sm max-w-md max-w-lg max-w-xl max-w-2xl max-w-prose \
    max-h-full max-h-screen min-h-full min-h-screen \
    w-full w-auto w-screen w-fit w-min w-max h-full h-auto h-screen h-fit size-full basis-full \
    top-full top-auto fill-none fill-current stroke-current";

/// Prefixes of which a step of the spacing scale follows (`4`, `2.5`, `px`).
const SPACED: &str = "p px py pt pr pb pl ps pe m mx my mt mr mb ml ms me gap gap-x gap-y \
    w h min-w max-w min-h max-h size basis inset inset-x inset-y top right bottom left leading space-x space-y";

/// Of those, the ones that may be negative.
const SIGNED: &str = "m mx my mt mr mb ml ms me inset inset-x inset-y top right bottom left";

/// Of those, the ones that may be `auto`.
const AUTOMATIC: &str = "m mx my mt mr mb ml ms me";

/// Prefixes of which a fraction follows (`1/2`).
const FRACTIONAL: &str = "w basis left";

/// Prefixes of which a whole number follows.
const COUNTED: &str =
    "grid-cols grid-rows col-span col-start col-end row-span row-start order z opacity underline-offset";

/// Whether the generator, corrected, may be believed about a class.
pub(crate) fn is_trusted(base: &str) -> bool {
    let (positive, negative) = base.strip_prefix('-').map_or((base, false), |rest| (rest, true));
    if negative {
        return member(positive, SIGNED, is_step);
    }
    has(WORDS, base)
        || member(base, SPACED, is_step)
        || member(base, AUTOMATIC, |value| value == "auto")
        || member(base, FRACTIONAL, is_fraction)
        || member(base, COUNTED, is_count)
}

/// Splits a class at its last dash and asks about both halves.
fn member(base: &str, prefixes: &str, is_value: impl Fn(&str) -> bool) -> bool {
    base.rsplit_once('-').is_some_and(|(prefix, value)| has(prefixes, prefix) && is_value(value))
}

fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// `px`, a whole number, or a number of quarters.
fn is_step(value: &str) -> bool {
    let (whole, part) = value.split_once('.').unwrap_or((value, "5"));
    value == "px" || (is_count(whole) && matches!(part, "25" | "5" | "75"))
}

fn is_fraction(value: &str) -> bool {
    value.split_once('/').is_some_and(|(over, under)| is_count(over) && is_count(under) && under != "0")
}

fn is_count(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 4
        && value.bytes().all(|byte| byte.is_ascii_digit())
        && (value == "0" || !value.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_from_lookalikes() {
        for class in ["p-4", "p-2.5", "-mt-px", "mx-auto", "w-1/2", "grid-cols-3", "flex", "gap-x-2"] {
            assert!(is_trusted(class), "{class}");
        }
        for class in [
            "p-x",
            "p-2.3",
            "-p-4",
            "p-auto",
            "w-1/0",
            "grid-cols-03",
            "flexy",
            "bg-gray-100",
            "rotate-45",
            "-flex",
            "",
        ] {
            assert!(!is_trusted(class), "{class}");
        }
    }
}
