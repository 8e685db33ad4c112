//! A server that answers OCSP as long as the test lasts: plain HTTP, one question per connection.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
};

pub fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ocsp", listener.local_addr().unwrap());
    (listener, url)
}

/// Answers until the process ends.
pub fn serve(listener: TcpListener, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) {
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A program that hangs up has its reasons.
            let _ = respond(connection, &answer);
        }
    });
}

fn respond(connection: TcpStream, answer: &impl Fn(&[u8]) -> Vec<u8>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 0 && !line.trim_end().is_empty() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
        line.clear();
    }
    let mut question = vec![0; length];
    reader.read_exact(&mut question)?;
    let body = answer(&question);
    let mut connection = connection;
    write!(
        connection,
        "HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    connection.write_all(&body)
}
