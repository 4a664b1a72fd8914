//! A long job, whose progress a page sees and may cancel.
//!
//! *Shows*: results that are streamed as they are made; work that stops when nobody wants it any more, and why; a
//! producer that is no faster than its reader.
//! *Run*: `cargo run --release --example job`, and open the address that it prints.
//! *Expect*: a picture that grows line by line. The program says how each job ended.

#[path = "../common/page.rs"]
mod page;

use std::error::Error;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use ipfi::{Context, Interface, Server, Status};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::page::Page;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

/// A line of a picture.
#[derive(Serialize, Deserialize, ipfi::Schema)]
struct Line {
    /// Which one, from above.
    row: u32,
    /// How soon each of its points escapes.
    points: Bytes,
}

#[ipfi::interface]
trait Job {
    /// A picture of the Mandelbrot set around a point, line by line.
    fn picture(
        &self,
        context: &Context,
        x: f64,
        y: f64,
        zoom: f64,
    ) -> impl Stream<Item = Result<Line, Status>>;
}

struct Painter;

impl Job for Painter {
    fn picture(
        &self,
        context: &Context,
        x: f64,
        y: f64,
        zoom: f64,
    ) -> impl Stream<Item = Result<Line, Status>> {
        let mut progress = Progress { done: 0, context };
        stream::iter(0..HEIGHT)
            .then(move |row| async move {
                // A computation does not belong into a task that others wait for.
                let points = tokio::task::spawn_blocking(move || line(x, y, zoom, row)).await;
                points.map(|points| Line { row, points }).map_err(|error| Status::internal(error.to_string()))
            })
            // Dropped with the stream: at its end, or when its caller wants no more.
            .inspect(move |_| progress.advance())
    }
}

/// How far a job has come, said when it is over.
struct Progress<'a> {
    done: u32,
    context: &'a Context,
}

impl Progress<'_> {
    fn advance(&mut self) {
        self.done += 1;
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        match self.context.cancel_cause() {
            _ if self.done == HEIGHT => println!("a job is done"),
            Some(cause) => println!("a job was cancelled after {} of {HEIGHT} lines: {cause}", self.done),
            None => println!("a job ended after {} of {HEIGHT} lines", self.done),
        }
    }
}

/// How soon each point of a line escapes.
fn line(x: f64, y: f64, zoom: f64, row: u32) -> Bytes {
    let scale = 3.0 / zoom / f64::from(WIDTH);
    let ci = y + (f64::from(row) - f64::from(HEIGHT) / 2.0) * scale;
    let escape = |column: u32| {
        let cr = x + (f64::from(column) - f64::from(WIDTH) / 2.0) * scale;
        let (mut re, mut im) = (0.0, 0.0);
        (0..u8::MAX)
            .find(|_| {
                // Many small steps, so that it takes its time.
                for _ in 0..100 {
                    (re, im) = (re * re - im * im + cr, 2.0 * re * im + ci);
                }
                let far: f64 = re * re + im * im;
                // What is no number any more has escaped as well.
                far > 4.0 || far.is_nan()
            })
            .unwrap_or(u8::MAX)
    };
    (0..WIDTH).map(escape).collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let page = match Page::bind(4413).await {
        Ok(page) => page,
        Err(_) => Page::bind(0).await?,
    };
    let interface = Interface::new().serve(JobServer(Painter));
    let server =
        Server::new(interface).allow_origins(page.origins.clone()).listen("ws://127.0.0.1:0").bind().await?;
    println!("open {}", page.url);
    let config = json!({ "websocket": server.addresses()[0], "width": WIDTH, "height": HEIGHT });
    tokio::spawn(page.serve("job/page", config));
    server.run_until(tokio::signal::ctrl_c()).await;
    Ok(())
}
