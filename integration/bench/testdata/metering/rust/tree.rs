// Words counted in a hash map and an ordered map, and an n-body simulation.
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Copy)]
struct Body {
    pos: [f64; 3],
    vel: [f64; 3],
    mass: f64,
}

fn simulate(bodies: &mut [Body], steps: u32) -> f64 {
    for _ in 0..steps {
        for i in 0..bodies.len() {
            for j in i + 1..bodies.len() {
                let mut d = [0.0; 3];
                for k in 0..3 {
                    d[k] = bodies[i].pos[k] - bodies[j].pos[k];
                }
                let dist = d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + 0.01;
                let mag = 0.001 / (dist * dist.sqrt());
                for k in 0..3 {
                    let (mi, mj) = (bodies[i].mass, bodies[j].mass);
                    bodies[i].vel[k] -= d[k] * mj * mag;
                    bodies[j].vel[k] += d[k] * mi * mag;
                }
            }
        }
        for b in bodies.iter_mut() {
            for k in 0..3 {
                b.pos[k] += 0.001 * b.vel[k];
            }
        }
    }
    bodies.iter().map(|b| b.pos[0]).sum()
}

fn count(words: u32) -> usize {
    let mut seed = 1u32;
    let mut by_hash: HashMap<String, u32> = HashMap::new();
    let mut by_order: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..words {
        seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
        let word = format!("word{}", (seed >> 8) % 2000);
        *by_hash.entry(word.clone()).or_default() += 1;
        *by_order.entry(word).or_default() += 1;
    }
    let most = by_order.iter().max_by_key(|(_, n)| **n).unwrap();
    by_hash.len() + most.0.len() + *most.1 as usize
}

#[no_mangle]
pub extern "C" fn run(rounds: u32) -> u32 {
    let mut sum = 0u32;
    for r in 0..rounds {
        let mut bodies: Vec<Body> = (0..8)
            .map(|i| Body { pos: [i as f64, (i * i % 7) as f64, (r % 3) as f64], vel: [0.0; 3], mass: 1.0 + i as f64 })
            .collect();
        let x = simulate(&mut bodies, 500);
        sum = sum.wrapping_mul(31).wrapping_add(count(10_000) as u32).wrapping_add((x * 1000.0) as u32);
    }
    sum
}
