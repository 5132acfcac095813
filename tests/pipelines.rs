//! Pipelines whose stages each put a summary after their loop: nothing may be lost, whatever ends first.

#[path = "support/tree.rs"]
mod tree;

use tree::start;

/// In half of them each stage has both sides of its queues: then only the order of the ends keeps the summaries.
#[test]
fn summaries_after_the_loops_arrive() {
    let runs = if std::env::var_os("MPLANG_TEST_FULL").is_some() { 1_000 } else { 100 };
    let mut run = start(&format!(
        "
fn produce(out) {{ for i in 0..5 {{ out.put(i) }}; out.put('source') }}
fn stage(name, input, out) {{
    for x in input {{ out.put(x) }}
    out.put(name)
}}
fn begin(both) {{
    let a, b, c, d = [if both {{ queue() }} else {{ queue(capacity = 2) }} for i in 0..4]
    let taker = |q| if both {{ q }} else {{ q.taker() }}
    let sender = |q| if both {{ q }} else {{ q.sender() }}
    spawn produce(sender(a))
    spawn stage('first', taker(a), sender(b))
    spawn stage('second', taker(b), sender(c))
    spawn stage('third', taker(c), sender(d))
    d.taker()
}}
let expected = [0, 1, 2, 3, 4, 'source', 'first', 'second', 'third']
var right = 0
for i in 0..{runs} // 10 {{
    let outs = [begin(k % 2 == 0) for k in 0..10]
    for out in outs {{
        let all = [x for x in out]
        if all == expected {{ right += 1 }} else {{ print(all) }}
    }}
}}
print(right)
"
    ));
    assert_eq!(run.line(), runs.to_string());
    println!("{runs} runs of a pipeline of three stages; MPLANG_TEST_FULL=1 makes it 1,000");
    let ended = run.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}
