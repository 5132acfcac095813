//! Random numbers: each process has a stream of its own, a function of the seed and of the id of the process.
//!
//! The streams of a seed, and what is made of them here, stay the same in later versions.

use crate::vm::fault::Fault;
use crate::vm::op::Draw;
use crate::vm::value::{List, Value};
use num_bigint::{BigInt, BigUint};
use std::f64::consts::TAU;
use std::fs::File;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

/// The random numbers of this process.
pub struct Random {
    /// `None` until somebody sets one or a number is drawn.
    seed: Option<Vec<u64>>,
    id: Id,
    stream: Option<Stream>,
}

/// Tells the id of this process: most never ask.
pub type Id = fn() -> String;

/// xoshiro256++ 1.0 by David Blackman and Sebastiano Vigna, in the public domain: <https://prng.di.unimi.it>.
struct Stream([u64; 4]);

impl Random {
    /// Those of the first process.
    pub fn new() -> Random {
        Random { seed: None, id: || "P".into(), stream: None }
    }

    /// Sets the seed of this process and of those that it will spawn, and begins anew.
    pub fn seed(&mut self, seed: &BigInt) {
        let bytes = seed.to_signed_bytes_le();
        let sign = if seed < &BigInt::ZERO { 0xff } else { 0 };
        self.seed = Some(words(&bytes, sign));
        self.stream = None;
    }

    /// This is another process or task now, with the same seed.
    pub fn begin(&mut self, id: Id) {
        self.id = id;
        self.stream = None;
    }

    fn stream(&mut self) -> &mut Stream {
        let seed = self.seed.get_or_insert_with(entropy);
        self.stream.get_or_insert_with(|| Stream::new(seed, &(self.id)()))
    }

    /// Draws.
    pub fn draw(&mut self, draw: Draw) -> Result<Value, Fault> {
        if let Draw::Seed(seed) = draw {
            self.seed(&seed);
            return Ok(Value::Null);
        }
        let stream = self.stream();
        Ok(match draw {
            Draw::Seed(_) => Value::Null,
            Draw::Int { low, high } => Value::Int(low.wrapping_add(stream.up_to(high.wrapping_sub(low) as u64) as i64)),
            Draw::Big { low, high } => Value::big(stream.big_up_to((high - &low).magnitude()) + low),
            Draw::Float { low, high } => Value::float(low + (high - low) * stream.unit()),
            Draw::Normal { mean, deviation } => Value::float(mean + deviation * stream.normal()),
            Draw::Choice(Value::Range(range)) => Value::Int(range.at(stream.below(range.len()))),
            Draw::Choice(Value::List(items)) => items[stream.below(items.len())].clone(),
            Draw::Choice(other) => other,
            Draw::Sample { items, count } => Value::list(stream.sample(items, count)),
        })
    }
}

impl Stream {
    fn new(seed: &[u64], id: &str) -> Stream {
        let mut state = [0, 1, 2, 3];
        for part in &mut state {
            let id_words = words(id.as_bytes(), 0);
            for word in [seed.len() as u64].iter().chain(seed).chain(&[id.len() as u64]).chain(&id_words) {
                *part = mix(*part ^ word);
            }
        }
        // The one state that the generator never leaves.
        Stream(if state == [0; 4] { [1; 4] } else { state })
    }

    fn next(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// From 0 to `most`, each as likely.
    fn up_to(&mut self, most: u64) -> u64 {
        let Some(count) = most.checked_add(1) else { return self.next() };
        // The upper half of a product is even enough except where the lower half is below this.
        let uneven = count.wrapping_neg() % count;
        loop {
            let product = u128::from(self.next()) * u128::from(count);
            if product as u64 >= uneven {
                return (product >> 64) as u64;
            }
        }
    }

    fn below(&mut self, count: usize) -> usize {
        self.up_to((count as u64).saturating_sub(1)) as usize
    }

    fn big_up_to(&mut self, most: &BigUint) -> BigInt {
        let bits = most.bits();
        loop {
            let mut digits = Vec::new();
            for _ in 0..bits.div_ceil(64) {
                let word = self.next();
                digits.extend([word as u32, (word >> 32) as u32]);
            }
            let drawn = BigUint::new(digits) >> (bits.div_ceil(64) * 64 - bits);
            if drawn <= *most {
                return drawn.into();
            }
        }
    }

    /// From 0 up to but without 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// By Box and Muller.
    fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.unit(), self.unit());
        (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
    }

    /// So many of the items, in random order.
    fn sample(&mut self, mut items: List, count: usize) -> List {
        for at in 0..count.min(items.len()) {
            let other = at + self.below(items.len() - at);
            items.swap(at, other);
        }
        items.truncate(count);
        items
    }
}

/// SplitMix64 by Sebastiano Vigna, in the public domain: from the same place.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Bytes as words; `fill` is what follows them.
fn words(bytes: &[u8], fill: u8) -> Vec<u64> {
    let word = |part: &[u8]| {
        let mut word = [fill; 8];
        word[..part.len()].copy_from_slice(part);
        u64::from_le_bytes(word)
    };
    bytes.chunks(8).map(word).collect()
}

/// A seed that nobody can foresee.
fn entropy() -> Vec<u64> {
    let mut bytes = [0; 32];
    match File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)) {
        Ok(()) => words(&bytes, 0),
        // Without that device, what differs between two processes at least.
        Err(_) => {
            let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
            vec![time, u64::from(std::process::id())]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(seed: i64, id: &str) -> Stream {
        let mut random = Random::new();
        random.seed(&BigInt::from(seed));
        Stream::new(&random.seed.unwrap(), id)
    }

    /// The generator's own first numbers, from a program in C made of its published source.
    #[test]
    fn the_generator_is_the_published_one() {
        let mut stream = Stream([1, 2, 3, 4]);
        let first: Vec<u64> = (0..4).map(|_| stream.next()).collect();
        assert_eq!(first, [41943041, 58720359, 3588806011781223, 3591011842654386]);
    }

    /// Seed and id make a stream, and neighbours of either have others.
    #[test]
    fn streams_are_functions_of_seed_and_id() {
        let first = |seed, id| stream(seed, id).next();
        assert_eq!(first(7, "P.1"), first(7, "P.1"));
        let all = [first(7, "P"), first(8, "P"), first(-7, "P"), first(7, "P.1"), first(7, "P.11"), first(7, "P.1.1")];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one));
        }
    }

    /// Small numbers come equally often, and both ends of a range come.
    #[test]
    fn numbers_are_even() {
        let mut stream = stream(1, "P");
        let mut counts = [0; 6];
        (0..60_000).for_each(|_| counts[stream.up_to(5) as usize] += 1);
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
        let mean = (0..60_000).map(|_| stream.unit()).sum::<f64>() / 60_000.0;
        assert!((0.49..0.51).contains(&mean), "{mean}");
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..60_000 {
            let x = stream.normal();
            sum += x;
            squares += x * x;
        }
        assert!((sum / 60_000.0).abs() < 0.02 && (0.97..1.03).contains(&(squares / 60_000.0)));
    }

    /// Ints of any size are drawn from their whole range and never leave it.
    #[test]
    fn large_ints_stay_in_range() {
        let mut stream = stream(1, "P");
        let most = BigUint::from(3u8) << 70;
        let drawn: Vec<BigInt> = (0..200).map(|_| stream.big_up_to(&most)).collect();
        let most = BigInt::from(most);
        assert!(drawn.iter().all(|int| *int >= BigInt::ZERO && *int <= most));
        assert!(drawn.iter().any(|int| *int > &most / 2) && drawn.iter().any(|int| *int < &most / 2));
        assert_eq!(stream.big_up_to(&BigUint::ZERO), BigInt::ZERO);
        assert_ne!(stream.up_to(u64::MAX), stream.up_to(u64::MAX));
    }
}
