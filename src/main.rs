//! The `mplang` command.
use mplang::vm::machine::*;
use mplang::vm::op::Op;
use mplang::vm::value::Value;
use mplang::*;
struct L;
impl compile::Loader for L {
    fn load(
        &mut self,
        _: source::FileId,
        _: &str,
    ) -> Result<(source::FileId, Option<syntax::ast::Script>), compile::ImportError> {
        Err(compile::ImportError::Unreadable("no".into()))
    }
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let sources = std::cell::RefCell::new(source::Sources::default());
    let file = sources.borrow_mut().add(path, text.clone());
    let mut add = |n: &str, t: &str| sources.borrow_mut().add(n.to_string(), t.to_string());
    let show = |ds: Vec<diagnostics::Diagnostic>| {
        for d in ds {
            diagnostics::write(&mut std::io::stderr(), &d, &sources.borrow(), diagnostics::Format::Fancy, false)
                .unwrap();
        }
        std::process::exit(2)
    };
    let r = syntax::with_stack(|| {
        let script = match syntax::parse(file, &text) {
            Ok(s) => s,
            Err(e) => return Err(e),
        };
        let mut c = compile::Compiler::new(&mut add);
        match c.script(file, &script, &mut L) {
            Ok(m) => Ok((c.program, m)),
            Err(e) => Err(e),
        }
    });
    let (program, main) = match r {
        Ok(x) => x,
        Err(e) => show(e),
    };
    if std::env::args().nth(2).as_deref() == Some("-d") {
        for p in &program.protos {
            println!("{} regs {} {:?}", p.name, p.registers, p.handlers);
            for (i, c) in p.code.iter().enumerate() {
                println!("  {i:4} {c:?}");
            }
        }
    }
    let mut m = Machine::new(program, library::for_machine(), |_| "<h>".into());
    let f =
        Value::Function(vm::value::Ref::new(vm::value::Function::Closure { proto: main, captures: Box::default() }));
    m.start(f, vec![], &Value::Null).ok().unwrap();
    let mut ans = Ok(Value::Null);
    loop {
        match m.resume(ans) {
            Step::Done(_) => break,
            Step::Failed(f) => {
                eprintln!("{:?}: {:?}", f.0.kind.as_str(), f.0.message.as_str());
                std::process::exit(1)
            }
            Step::Ask(op, _) => {
                ans = Ok(Value::Null);
                match op {
                    Op::Print { text, .. } => print!("{text}"),
                    _ => eprintln!("op"),
                }
            }
        }
    }
}
