//! Output that waits: what a process has added is there, whole, whenever it dies.

use super::shm;
use super::shm::process_table;
use super::shm::spool::{Record, Spool, Stream};
use super::stage::{Scene, Stage};
use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;

static SPOOL: OnceLock<(Spool, Stream)> = OnceLock::new();

pub fn scenes() -> Vec<Scene> {
    let scene = |name, play| Scene { name, play, commits: false };
    vec![scene("output_added", output_added), scene("output_of_a_child", output_of_a_child)]
}

/// A run has one memory file, which is there until its end.
pub fn prepare() {
    SPOOL.get_or_init(|| Spool::new().unwrap());
}

/// Takes the next record of this process's stream: the stream that it names.
fn next_stream(spool: &Spool, own: Stream) -> Option<Stream> {
    let (record, body) = spool.record(own, own.position()).unwrap().expect("a stream is named");
    spool.release(own, body + record.length());
    match record {
        Record::Child(child) => child,
        Record::Text(_) => panic!("no text was added"),
    }
}

/// All texts of a stream, whose end must be that of its last record.
fn texts(spool: &Spool, stream: Stream) -> Vec<Vec<u8>> {
    let (mut texts, mut position) = (vec![], 0);
    while let Some((Record::Text(length), body)) = spool.record(stream, position).unwrap() {
        let mut text = vec![0; length as usize];
        spool.bytes(stream, body, &mut text).unwrap();
        texts.push(text);
        position = body + length;
    }
    assert_eq!(stream.waiting(), position, "a part of a record");
    texts
}

fn output_added(stage: &Stage) {
    let (spool, own) = SPOOL.get().unwrap();
    let stream = spool.add_child(*own, process_table::me().unwrap()).unwrap();
    let written: Vec<Vec<u8>> = [5, 3000, 1, 70_000].map(|length| vec![length as u8; length]).into();
    let added = stage.word(0);
    stage.victim_alone(&[], || {
        for text in &written {
            spool.append(stream, text).unwrap();
            added.fetch_add(1, SeqCst);
        }
    });
    let there = texts(spool, stream);
    assert!(there.len() as u64 >= added.load(SeqCst), "text is lost");
    assert_eq!(there, written[..there.len()]);
    assert_eq!(next_stream(spool, *own), Some(stream));
    spool.free(stream);
}

/// The stream of a child is named in that of its parent, which dies before it has forked, or before anybody knows it.
fn output_of_a_child(stage: &Stage) {
    let (spool, own) = SPOOL.get().unwrap();
    let stream = spool.add_child(*own, process_table::me().unwrap()).unwrap();
    let named = stage.word(0);
    stage.victim_alone(&[], || {
        let child = shm::register_child("never").unwrap();
        spool.add_child(stream, child).unwrap();
        named.store(1, SeqCst);
        process_table::cancel_child(child);
    });
    assert_eq!(next_stream(spool, *own), Some(stream));
    if stream.waiting() > 0 {
        if let Some(child) = next_stream(spool, stream) {
            stage.eventually("the child is known to have ended", || child.has_ended());
            spool.free(child);
        }
    } else {
        assert_eq!(named.load(SeqCst), 0, "the child is not named");
    }
    spool.free(stream);
}
