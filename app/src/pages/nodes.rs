//! Nodes: which processes serve this fleet, how each stands, and what it alone does at the moment.

use crate::{
    components::{
        icons,
        panel::{Panel, head, link_button},
        status::{Status, Tone},
        table::{frame, none_yet},
        text::{ago, plural, tag},
    },
    context::Ctx,
    page::Page,
};
use domain::{
    node::{Lease, NodeState},
    person::Permission,
    time::{SECOND, Timestamp, span_words},
};
use fleet::node::{NodeRow, Nodes};
use leptos::prelude::*;

/// `/settings/nodes`.
///
/// # Errors
/// When the actor may not see people and machines, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let nodes = ctx.fleet.nodes(&ctx.actor).await?;
    let list = if nodes.nodes.is_empty() {
        none_yet("No node yet", view! { <p>"A node enters itself here when it starts to serve."</p> }).into_any()
    } else {
        table(&nodes).into_any()
    };
    let running = nodes.nodes.iter().filter(|node| node.state == NodeState::Running).count();
    let title = format!("{} running", plural(i64::try_from(running).unwrap_or(i64::MAX), "node", "nodes"));
    let sub = view! { <p>"Processes that serve this fleet. All are equal: any of them answers everybody."</p> };
    let back = ctx.may(Permission::AuthorityRead).then(|| link_button("/settings", icons::SLIDERS, "Settings"));
    let body = view! {
        {head("Nodes", sub, back)}
        <div class="stack loose">
            {Panel::new(title).flush(list)}
            {Panel::new("What this means").body(advice(&nodes))}
        </div>
    };
    Ok(Page::new("Nodes", body))
}

/// How a node stands; of one that is not heard, for how long.
fn state(node: &NodeRow, now: Timestamp) -> impl IntoView + use<> {
    let status = match node.state {
        NodeState::Running => Status { word: "Running", icon: icons::CHECK, tone: Tone::Ok },
        NodeState::Unheard => Status { word: "Not heard", icon: icons::WARN, tone: Tone::Bad },
        NodeState::Stopped => Status { word: "Stopped", icon: icons::PAUSE, tone: Tone::Mute },
    };
    let silent =
        (node.state == NodeState::Unheard).then(|| format!("for {}", span_words((now.0 - node.seen_at.0).max(SECOND))));
    view! {
        {status.cell()}
        {silent.map(|silent| view! { <small class="quiet">" "{silent}</small> })}
    }
}

fn table(nodes: &Nodes) -> impl IntoView + use<> {
    let rows: Vec<_> = nodes.nodes.iter().map(|node| line(node, nodes)).collect();
    frame(
        "Nodes",
        view! {
            <table class="table cards">
                <caption class="sr">"Nodes, by name"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Node"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Alone does"</th>
                        <th scope="col">"Version"</th>
                        <th scope="col" class="num">"Since"</th>
                        <th scope="col" class="num">"Last heard"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn line(node: &NodeRow, nodes: &Nodes) -> impl IntoView + use<> {
    let here = node.is_this.then(|| view! { " " {tag("this one")} });
    // A name is enough, unless two have the same.
    let is_twin = nodes.nodes.iter().filter(|other| other.name == node.name).count() > 1;
    let id = is_twin.then(|| view! { <small class="mono quiet" title=node.id.clone()>{short(&node.id)}</small> });
    view! {
        <tr>
            <th scope="row" class="two">
                <span>{node.name.clone()}{here}</span>
                {id}
            </th>
            <td data-l="State">{state(node, nodes.now)}</td>
            <td data-l="Alone does">{alone(node, nodes)}</td>
            <td data-l="Version" class="mono">{node.version.clone()}</td>
            <td data-l="Since" class="num nowrap quiet">{ago(node.started_at, nodes.now)}</td>
            <td data-l="Last heard" class="num nowrap quiet">{ago(node.seen_at, nodes.now)}</td>
        </tr>
    }
}

/// The end of an id, which is chance; its beginning is when it was made.
fn short(id: &str) -> String {
    format!("…{}", id.rsplit('-').next().unwrap_or(id))
}

/// What a node does that no other one does at the same time.
fn alone(node: &NodeRow, nodes: &Nodes) -> AnyView {
    if !nodes.is_shared {
        return view! { <span class="quiet">"Everything: it is the only one"</span> }.into_any();
    }
    if node.leases.is_empty() {
        return view! { <span class="quiet">"Nothing"</span> }.into_any();
    }
    let lines: Vec<_> = node.leases.iter().map(|held| lease(*held, nodes.now)).collect();
    lines.into_any()
}

fn lease((lease, since): (Lease, Timestamp), now: Timestamp) -> impl IntoView + use<> {
    view! { <div>{lease.label()}<small class="quiet">", since "{ago(since, now)}</small></div> }
}

fn advice(nodes: &Nodes) -> AnyView {
    if !nodes.is_shared {
        return view! {
            <ul class="rules">
                <li>"This fleet lives in an SQLite file, which one node serves. Several need PostgreSQL."</li>
                <li>"A node that was stopped, or is not heard any more, is forgotten after a week."</li>
            </ul>
        }
        .into_any();
    }
    let other = |(lease, since): &(Lease, Timestamp)| {
        view! { <li>{lease.label()}<small class="quiet">", a command, since "{ago(*since, nodes.now)}</small></li> }
    };
    let others: Vec<_> = nodes.others.iter().map(other).collect();
    let before = nodes.beside_before.then(|| {
        view! {
            <li>
                <b>"A node of Muster 0.1 serves this fleet, too."</b>
                " It does not enter itself here. Until every node is of this version no rollout can be submitted, and a second factor is not asked \
                 for there."
            </li>
        }
    });
    view! {
        <ul class="rules">
            {before}
            <li>"What only one may do at a time, one node has a lease of, for as long as it has something to do. It passes to another at \
                 once when its holder is stopped, and within five seconds when that hangs, dies or is cut off."</li>
            <li>"A node that is not heard for five seconds hangs, died or can’t reach the database. Who comes to it should be sent to another one."</li>
            <li>"A node that was stopped, or is not heard any more, is forgotten after a week."</li>
            {others}
        </ul>
    }
    .into_any()
}
