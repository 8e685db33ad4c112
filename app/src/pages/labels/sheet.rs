//! Sheets of labels, for a browser's print dialogue. The style sheet sets paper and margins.

use super::{PATH, path_of};
use crate::{
    components::{
        form::hidden,
        icons::{self, icon},
        qr::qr,
        text::{count, plural},
    },
    context::FormState,
    page::Page,
};
use domain::claim::address;
use fleet::claim::{Label, LabelState, Labels};
use leptos::prelude::*;

/// How labels lie on their paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// A4, three columns of eight: 70 × 37 mm each.
    #[default]
    ThreeByEight,
    /// A4, two columns of seven: 99.1 × 38.1 mm each.
    TwoBySeven,
    /// A roll of 62 mm, each label 29 mm high.
    Roll,
}

impl Layout {
    /// Every layout.
    pub const ALL: &'static [Self] = &[Self::ThreeByEight, Self::TwoBySeven, Self::Roll];

    /// The word in a form.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ThreeByEight => "3x8",
            Self::TwoBySeven => "2x7",
            Self::Roll => "62",
        }
    }

    /// The words that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ThreeByEight => "A4, 3 × 8 labels of 70 × 37 mm",
            Self::TwoBySeven => "A4, 2 × 7 labels of 99.1 × 38.1 mm",
            Self::Roll => "Label printer, 62 × 29 mm",
        }
    }

    /// The layout of a word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|layout| layout.word() == word)
    }

    const fn on_a_sheet(self) -> usize {
        match self {
            Self::ThreeByEight => 24,
            Self::TwoBySeven => 14,
            Self::Roll => 1,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::ThreeByEight => "sheet three",
            Self::TwoBySeven => "sheet two",
            Self::Roll => "sheet roll",
        }
    }
}

/// The sheets, with what leads on to the next ones.
pub(super) fn page(form: &FormState, labels: &Labels) -> Page {
    let layout = Layout::named(form.value("layout")).unwrap_or_default();
    let origin = domain::claim::origin(form.value("origin")).unwrap_or_default();
    let sheets: Vec<_> = labels
        .items
        .chunks(layout.on_a_sheet())
        .map(|chunk| {
            let one: Vec<_> = chunk.iter().map(|label| label_of(label, &origin)).collect();
            view! { <section class=layout.class()>{one}</section> }
        })
        .collect();
    let body = view! {
        {bar(form, labels, layout)}
        <main class="sheets" id="main" tabindex="0" aria-label="Labels">{sheets}</main>
    };
    Page::new("Labels", body).bare()
}

fn bar(form: &FormState, labels: &Labels, layout: Layout) -> impl IntoView + use<> {
    let shown = labels.items.len();
    let number = i64::try_from(shown).unwrap_or(i64::MAX);
    let total = labels.total.number();
    let range = match (labels.items.first(), labels.items.last()) {
        (Some(first), Some(last)) if shown > 1 => format!("{} to {}", first.serial, last.serial),
        (Some(first), _) => first.serial.clone(),
        _ => String::new(),
    };
    let without = labels.items.iter().filter(|label| label.code().is_none()).count();
    let without = (without > 0).then(|| {
        let n = i64::try_from(without).unwrap_or(i64::MAX);
        format!(" {} without a code: claimed, retired or cut off.", count(n))
    });
    let paper = match layout {
        Layout::Roll => "Print on 62 × 29 mm, at 100 %, without margins.",
        Layout::ThreeByEight | Layout::TwoBySeven => "Print on A4, at 100 %, without margins.",
    };
    let next = labels.next.clone().map(|after| {
        let kept = ["q", "layout", "number", "origin"].map(|name| hidden(name, form.value(name)));
        view! {
            <form method="post" action=PATH>
                {kept.into_iter().collect::<Vec<_>>()}
                {hidden("after", after)}
                <button class="btn primary" type="submit">"Next labels"{icon(icons::RIGHT)}</button>
            </form>
        }
    });
    view! {
        <header class="sheet-bar">
            <div>
                <h1>{format!("{} of {}", plural(number, "label", "labels"), count(total))}</h1>
                <p class="small soft">{range}". "{paper}{without}</p>
            </div>
            <div class="row wrap">
                <a class="btn" href=path_of(form.value("q"))>{icon(icons::LEFT)}"Back"</a>
                {next}
            </div>
        </header>
    }
}

fn label_of(label: &Label, origin: &str) -> impl IntoView + use<> {
    let code = match &label.state {
        LabelState::Code(code) => view! { <p class="code">{code.to_string()}</p> }.into_any(),
        LabelState::Claimed => view! { <p class="nocode">"Claimed"</p> }.into_any(),
        LabelState::Shut => view! { <p class="nocode">"No code"</p> }.into_any(),
    };
    view! {
        <article class="sticker">
            {qr(&address(origin, &label.serial, label.code()), format!("QR code of {}", label.serial))}
            <div>
                <h2>{label.serial.clone()}</h2>
                <p>{label.model.clone()}" · "{label.batch.clone()}</p>
                {code}
            </div>
        </article>
    }
}
