//! Labels: which devices' are wanted and on which sheets, and the sheets themselves.

mod sheet;

pub use sheet::Layout;

use crate::{
    components::{
        form::{Field, error_summary, hidden, submit},
        icons,
        panel::{Panel, head, note},
        status::Tone,
        text::plural,
    },
    context::{Ctx, FormState, devices_href, href, segment},
    page::Page,
    pages::standing::devices_of,
};
use domain::{
    person::Permission,
    query::{Predicate, quoted},
};
use fleet::{claim::LABELS_MAX, devices::Count};
use leptos::prelude::*;

/// Where the form lives.
pub const PATH: &str = "/labels";

/// The page that prepares the labels of the devices that a query means.
#[must_use]
pub fn path_of(query: &str) -> String {
    href(PATH, &[("q", query)])
}

/// The fleet query of one device.
#[must_use]
pub fn query_of(serial: &str) -> String {
    format!("serial:{}", quoted(serial))
}

/// `/labels` and `/batches/{code}/labels`: the form; or the sheets, when the form was sent.
///
/// # Errors
/// When the actor may not print labels, or the query can't be read.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::CertificateEnrol)?;
    if let (Some(labels), Some(form)) = (&ctx.labels, &ctx.form) {
        return Ok(sheet::page(form, labels));
    }
    let batch = ctx.param("code");
    let query = match (&ctx.form, batch) {
        (Some(form), _) => form.value("q").to_owned(),
        (None, "") => ctx.query_value("q").unwrap_or_default(),
        (None, code) => {
            ctx.fleet.batch(&ctx.actor, code).await?;
            devices_of(Predicate::Batch(vec![code.to_owned()])).to_string()
        }
    };
    let total = ctx.fleet.devices(&ctx.actor, &query, Default::default(), None, 1).await?.count;
    let number = match total {
        Count::Exactly(n) => plural(n, "device", "devices"),
        Count::AtLeast(n) => format!("more than {}", plural(n, "device", "devices")),
    };
    let form = ctx.form.as_ref();
    let list = devices_href(&query);
    let body = view! {
        {head("Labels", view! { <p>"For "<a href=list>{number}</a>", with the codes by which they are claimed"</p> }, ())}
        <div class="cols lead">
            <section class="panel">
                <header><h2>"Sheets"</h2></header>
                <form class="body stack" method="post" action=PATH>{error_summary(form)} {fields(&ctx, form, &query)}</form>
            </section>
            <div class="stack loose">{about(&ctx)}</div>
        </div>
    };
    let page = Page::new("Labels", body);
    Ok(match batch {
        "" => page.crumb("Devices", "/devices"),
        code => page.crumb("Batches", "/batches").crumb(code, format!("/batches/{}", segment(code))),
    })
}

fn fields(ctx: &Ctx, form: Option<&FormState>, query: &str) -> impl IntoView + use<> {
    let layouts = Layout::ALL.iter().map(|layout| (layout.word().to_owned(), layout.label().to_owned())).collect();
    let origin = if ctx.host.is_empty() { String::new() } else { format!("https://{}", ctx.host) };
    view! {
        {hidden("q", query.to_owned())}
        {Field::new(form, "layout", "Paper").select(layouts)}
        {Field::new(form, "number", "Labels at once").value("480").required().max_length(3)
            .hint(format!("1 to {LABELS_MAX}; the page with them leads on to the next.")).input()}
        {Field::new(form, "after", "After serial").mono().max_length(120)
            .hint("Begins with the one that follows it; empty begins with the first.").input()}
        {Field::new(form, "origin", "Address of this console").value(origin).required().mono().max_length(200)
            .hint("Stands in every QR code: the address under which people will find Muster for as long as the labels last.").input()}
        <div>{submit(icons::SCAN, "Show the labels")}</div>
    }
}

fn about(ctx: &Ctx) -> impl IntoView + use<> {
    let warning = (!ctx.fleet.can_seal()).then(|| {
        let text = "Muster was started without the passphrase of its keys, from which the codes are derived, so it can't \
                    show any. Start it with --key-passphrase-file FILE.";
        note(Tone::Warn, icons::WARN, text)
    });
    let body = view! {
        <div class="stack tight">
            {warning}
            <p>"Each label has the serial and a code, as text and in a QR code. Whoever has the device opens that address, and an operator or support claims it for the client: once."</p>
            <p>"A code is used up by the claim, and by resale or return to stock: print a new label then. Printing again shows the same codes as long as they count."</p>
            <p class="small soft">"Who shows codes stands in the audit log. A label never carries a key."</p>
        </div>
    };
    Panel::new("What a label is for").body(body)
}
