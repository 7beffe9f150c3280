// Fibonacci numbers by naive recursion: nothing but calls.
__attribute__((noinline)) static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

__attribute__((export_name("run"))) unsigned run(unsigned rounds) {
  unsigned sum = 0;
  for (unsigned r = 0; r < rounds; r++) sum += fib(27 + (r & 1));
  return sum;
}
