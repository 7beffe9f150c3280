// Counts the primes below n with the sieve of Eratosthenes.
static unsigned char composite[1 << 20];

__attribute__((export_name("run"))) unsigned run(unsigned rounds) {
  const unsigned n = sizeof composite;
  unsigned count = 0;
  for (unsigned r = 0; r < rounds; r++) {
    for (unsigned i = 0; i < n; i++) composite[i] = 0;
    count = 0;
    for (unsigned i = 2; i < n; i++) {
      if (composite[i]) continue;
      count++;
      for (unsigned long long j = (unsigned long long)i * i; j < n; j += i) composite[j] = 1;
    }
  }
  return count;
}
