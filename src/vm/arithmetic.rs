//! Arithmetic and comparison of numbers in the interpreter loop: macros, as each instruction has its own copy. They set
//! registers and raise errors by the loop's `set` and `check`.

/// Numbers of both kinds: ints where `$int` gives one, floats where `$float` may be asked; else `$slow`.
macro_rules! numbers {
    ($dst:expr, $a:expr, $b:expr, $int:expr, $float:expr, $fits:expr, $slow:expr) => {
        match ($a, $b) {
            (Value::Int(a), Value::Int(b)) => match $int(*a, *b) {
                Some(result) => set!($dst, result),
                None => check!($slow),
            },
            (Value::Float(a), Value::Float(b)) if $fits(b.get()) => {
                set!($dst, Value::float($float(a.get(), b.get())))
            }
            (Value::Float(a), Value::Int(b)) if $fits(*b as f64) => {
                set!($dst, Value::float($float(a.get(), *b as f64)))
            }
            (Value::Int(a), Value::Float(b)) if $fits(b.get()) => {
                set!($dst, Value::float($float(*a as f64, b.get())))
            }
            _ => check!($slow),
        }
    };
}

macro_rules! add {
    ($dst:expr, $a:expr, $b:expr, $slow:expr) => {
        numbers!($dst, $a, $b, |a: i64, b| a.checked_add(b).map(Value::Int), |a: f64, b| a + b, |_| true, $slow)
    };
}

macro_rules! sub {
    ($dst:expr, $a:expr, $b:expr, $slow:expr) => {
        numbers!($dst, $a, $b, |a: i64, b| a.checked_sub(b).map(Value::Int), |a: f64, b| a - b, |_| true, $slow)
    };
}

macro_rules! mul {
    ($dst:expr, $a:expr, $b:expr, $slow:expr) => {
        numbers!($dst, $a, $b, |a: i64, b| a.checked_mul(b).map(Value::Int), |a: f64, b| a * b, |_| true, $slow)
    };
}

macro_rules! div {
    ($dst:expr, $a:expr, $b:expr, $slow:expr) => {
        numbers!($dst, $a, $b, value::arith::divide_small, |a: f64, b| a / b, |b: f64| b != 0.0, $slow)
    };
}

macro_rules! floor_div {
    ($dst:expr, $a:expr, $b:expr, $slow:expr) => {
        match ($a, $b) {
            (Value::Int(x), Value::Int(y)) if *y > 0 => set!($dst, Value::Int(value::arith::floor_div(*x, *y))),
            _ => check!($slow),
        }
    };
}

macro_rules! rem {
    ($dst:expr, $a:expr, $b:expr, $slow:expr) => {
        match ($a, $b) {
            (Value::Int(x), Value::Int(y)) if *y > 0 => set!($dst, Value::Int(value::arith::floor_rem(*x, *y))),
            _ => check!($slow),
        }
    };
}

macro_rules! holds {
    ($a:expr, $b:expr, $test:tt, $order:expr) => {
        match ($a, $b) {
            (Value::Int(a), Value::Int(b)) => a $test b,
            (Value::Float(a), Value::Float(b)) => a.get() $test b.get(),
            (a, b) => check!(value::order($order, a, b)),
        }
    };
}
