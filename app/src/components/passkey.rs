//! Offers of a passkey: a form with one button, hidden until a script can make it work.

use super::icons;
use crate::context::{Ctx, FormState};
use fleet::factor::Site;
use leptos::{nonce::use_nonce, prelude::*};

/// What makes the offers work; it stands on the pages that have one.
const SCRIPT: &str = include_str!("../../../frontend/passkey.js");
/// The field for what the browser answers.
pub const CREDENTIAL: &str = "credential";

/// The console as the browser of this request reaches it; none by an address, where there are no passkeys.
#[must_use]
pub fn site(ctx: &Ctx) -> Option<Site> {
    Site::of(&ctx.host)
}

/// An offer in the making.
#[must_use]
pub struct Offer {
    action: String,
    options: &'static str,
    label: &'static str,
    field: &'static str,
    makes: bool,
    class: &'static str,
}

impl Offer {
    /// A form that posts to `action`, after the browser was asked with what is at `options`.
    pub fn new(action: impl Into<String>, options: &'static str, label: &'static str) -> Self {
        Self { action: action.into(), options, label, field: CREDENTIAL, makes: false, class: "btn wide" }
    }

    /// Makes a passkey rather than asks for one.
    pub fn makes(mut self) -> Self {
        self.makes = true;
        self.class = "btn primary";
        self
    }

    /// The field's name, where another one is expected.
    pub fn field(mut self, name: &'static str) -> Self {
        self.field = name;
        self
    }

    /// The form around these fields; nothing where the console has no name.
    pub fn form<V: IntoView + 'static>(
        self,
        ctx: &Ctx,
        posted: Option<&FormState>,
        fields: V,
    ) -> Option<impl IntoView + use<V>> {
        site(ctx)?;
        let Self { action, options, label, field, makes, class } = self;
        let wrong = posted.and_then(|form| form.error(field)).unwrap_or_default().to_owned();
        Some(view! {
            <div class="stack" data-offer hidden>
                <form class="stack slim" method="post" action=action>
                    {fields}
                    <input type="hidden" name=field />
                    <button class=class type="button" data-passkey=options data-field=field data-make=makes.then_some("")>
                        {icons::icon(icons::KEY)}
                        {label}
                    </button>
                    <p class="hint bad" role="status" data-says>{wrong}</p>
                </form>
            </div>
            <script type="module" nonce=use_nonce() inner_html=SCRIPT></script>
        })
    }
}
