//! `muster import`: a file, from the command line.

use super::{COMMAND_LINE, place, serve::say};
use crate::{
    cli::Import,
    failure::{Failure, Outcome},
};
use domain::import::ImportState;
use fleet::{Fleet, import::ImportRequest};
use std::io::{IsTerminal, Write};
use store::import::Import as Progress;

/// How many problems are printed; all are counted.
const SHOWN: i64 = 20;

/// Imports the file and waits for it.
///
/// # Errors
/// When it can't be taken, or something in it is bad.
pub async fn run(import: Import) -> Outcome {
    let folder = place::folder(&import.place)?;
    let fleet = place::open(folder, place::database_url(&import.place)?.as_deref()).await?;
    let name = import.file.file_name().unwrap_or_default().to_string_lossy();
    let mut request = ImportRequest::new(&name);
    (request.dry_run, request.skip_bad_rows) = (import.dry_run, import.skip_bad_rows);
    let terminal = std::io::stderr().is_terminal();
    let progress = |so_far: &Progress| {
        if terminal {
            // Decoration; if it can't be shown, the import goes on.
            let _ = write!(std::io::stderr(), "\r{:>10} rows read, {:>10} entered", so_far.rows_checked, so_far.added);
        }
    };
    let ended = fleet.import_and_wait(&COMMAND_LINE, &request, &import.file, progress).await?;
    if terminal {
        let _ = writeln!(std::io::stderr());
    }
    let outcome = tell(&fleet, &ended).await;
    fleet.give_back_turns().await;
    fleet.db().close().await;
    outcome
}

/// A problem and where it is: some are the whole file's.
fn told(line: i64, column: &str, message: &str) -> String {
    match (line, column) {
        (..=0, "") => message.to_owned(),
        (..=0, column) => format!("{column}: {message}"),
        (line, "") => format!("line {line}: {message}"),
        (line, column) => format!("line {line}, {column}: {message}"),
    }
}

async fn tell(fleet: &Fleet, ended: &Progress) -> Outcome {
    for problem in fleet.import_problems(&COMMAND_LINE, ended.id, 0, SHOWN).await? {
        say(&told(problem.line, &problem.column, &problem.message))?;
    }
    let found = ended.bad + ended.left_out;
    if found > SHOWN {
        say(&format!("… and {} more; the console's page of this import lists them.", found - SHOWN))?;
    }
    match ended.state {
        ImportState::Done if ended.bad == 0 => Ok(say(&ended.message)?),
        ImportState::Refused if ended.bad > 0 && ended.rows_checked > ended.bad => {
            Err(Failure::Found(format!("{} On the command line that is --skip-bad-rows.", ended.message)))
        }
        ImportState::Done | ImportState::Refused => Err(Failure::Found(ended.message.clone())),
        _ => Err(Failure::NotDone(ended.message.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_whole_file_lacks_is_on_no_line() {
        assert_eq!(told(0, "", "the file is empty"), "the file is empty");
        assert_eq!(told(3, "", "too short"), "line 3: too short");
        assert_eq!(told(3, "cpu", "is missing"), "line 3, cpu: is missing");
    }
}
