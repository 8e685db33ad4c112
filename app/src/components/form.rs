//! Forms: every field has a label, keeps what was typed, and shows what is wrong with it.

use super::icons;
use crate::context::FormState;
use leptos::prelude::*;
use std::borrow::Cow;

/// A field in the making.
#[must_use]
pub struct Field {
    name: Cow<'static, str>,
    label: &'static str,
    kind: &'static str,
    value: String,
    hint: Option<String>,
    autocomplete: Option<&'static str>,
    required: bool,
    mono: bool,
    error: Option<String>,
    max_length: Option<u32>,
}

impl Field {
    /// A text field; `form` keeps what was typed before, and what was wrong with it.
    pub fn new(form: Option<&FormState>, name: impl Into<Cow<'static, str>>, label: &'static str) -> Self {
        let name = name.into();
        Self {
            label,
            kind: "text",
            value: form.map(|form| form.value(&name).to_owned()).unwrap_or_default(),
            hint: None,
            autocomplete: None,
            required: false,
            mono: false,
            error: form.and_then(|form| form.error(&name)).map(str::to_owned),
            max_length: None,
            name,
        }
    }

    /// The input's type: `email`, `password`, `date` …
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// The value to begin with; what was typed before goes first.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        if self.value.is_empty() {
            self.value = value.into();
        }
        self
    }

    /// A sentence below the field.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What a browser or password manager may fill in.
    pub fn autocomplete(mut self, what: &'static str) -> Self {
        self.autocomplete = Some(what);
        self
    }

    /// Must be filled in.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// For what is compared by character.
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }

    /// At most this many characters.
    pub fn max_length(mut self, characters: u32) -> Self {
        self.max_length = Some(characters);
        self
    }

    fn described(&self) -> Option<String> {
        match (self.hint.is_some(), self.error.is_some()) {
            (false, false) => None,
            (true, false) => Some(format!("{}-hint", self.name)),
            (false, true) => Some(format!("{}-error", self.name)),
            (true, true) => Some(format!("{0}-error {0}-hint", self.name)),
        }
    }

    const fn class(&self) -> &'static str {
        if self.mono { "input mono" } else { "input" }
    }

    fn framed(self, control: impl IntoView + 'static) -> impl IntoView {
        let Self { name, label, hint, error, .. } = self;
        view! {
            <div class="field">
                <label for=name.clone()>{label}</label>
                {control}
                {error.map(|error| view! { <p class="hint bad" id=format!("{name}-error")>{icons::icon(icons::WARN)}{error}</p> })}
                {hint.map(|hint| view! { <p class="hint" id=format!("{name}-hint")>{hint}</p> })}
            </div>
        }
    }

    /// The field as one line.
    pub fn input(self) -> impl IntoView {
        // A password never travels back to the page.
        let value = if self.kind == "password" { String::new() } else { self.value.clone() };
        let control = view! {
            <input
                class=self.class()
                id=self.name.clone()
                name=self.name.clone()
                type=self.kind
                value=value
                required=self.required
                autocomplete=self.autocomplete
                maxlength=self.max_length.map(|n| n.to_string())
                aria-invalid=self.error.is_some().then_some("true")
                aria-describedby=self.described()
            />
        };
        self.framed(control)
    }

    /// The field as several lines.
    pub fn textarea(self, rows: u32) -> impl IntoView {
        let control = view! {
            <textarea
                class=self.class()
                id=self.name.clone()
                name=self.name.clone()
                rows=rows.to_string()
                required=self.required
                maxlength=self.max_length.map(|n| n.to_string())
                aria-invalid=self.error.is_some().then_some("true")
                aria-describedby=self.described()
            >
                {self.value.clone()}
            </textarea>
        };
        self.framed(control)
    }

    /// The field as a choice: stored value and words.
    pub fn select(self, options: Vec<(String, String)>) -> impl IntoView {
        let options: Vec<_> = options
            .into_iter()
            .map(|(value, label)| {
                let selected = value == self.value;
                view! { <option value=value selected=selected>{label}</option> }
            })
            .collect();
        let control = view! {
            <select
                class=self.class()
                id=self.name.clone()
                name=self.name.clone()
                required=self.required
                aria-invalid=self.error.is_some().then_some("true")
                aria-describedby=self.described()
            >
                {options}
            </select>
        };
        self.framed(control)
    }
}

/// What is wrong with a form, above it; takes the focus, and each line leads to its field.
#[must_use]
pub fn error_summary(form: Option<&FormState>) -> impl IntoView + use<> {
    let errors = form.map(|form| form.errors.clone()).filter(|errors| !errors.is_empty())?;
    let title = if errors.len() == 1 { "One thing needs another look" } else { "Some things need another look" };
    let items: Vec<_> = errors
        .into_iter()
        .map(|error| match error.field {
            Some(field) => view! { <li><a href=format!("#{field}")>{error.message}</a></li> }.into_any(),
            None => view! { <li>{error.message}</li> }.into_any(),
        })
        .collect();
    Some(view! {
        <div class="note bad" role="alert" tabindex="-1" autofocus id="errors">
            {icons::icon(icons::WARN)}
            <div>
                <h2>{title}</h2>
                <ul class="errors">{items}</ul>
            </div>
        </div>
    })
}

/// A value that travels with the form unseen.
#[must_use]
pub fn hidden(name: &'static str, value: impl Into<String>) -> impl IntoView {
    view! { <input type="hidden" name=name value=value.into() /> }
}

/// A box to tick, with a sentence below.
#[must_use]
pub fn checkbox(
    name: &'static str,
    value: &'static str,
    label: &'static str,
    hint: &'static str,
    checked: bool,
) -> impl IntoView + use<> {
    view! {
        <label class="choice">
            <input type="checkbox" name=name value=value checked=checked />
            <b>{label}</b>
            <small>{hint}</small>
        </label>
    }
}

/// One of several choices, with a sentence below.
#[must_use]
pub fn radio(
    name: &'static str,
    value: &'static str,
    label: &'static str,
    hint: &'static str,
    checked: bool,
) -> impl IntoView + use<> {
    view! {
        <label class="choice">
            <input type="radio" name=name value=value checked=checked />
            <b>{label}</b>
            <small>{hint}</small>
        </label>
    }
}

/// The button that sends a form.
#[must_use]
pub fn submit(icon: icons::Icon, label: &'static str) -> impl IntoView + use<> {
    view! { <button class="btn primary" type="submit">{icons::icon(icon)}{label}</button> }
}
