// Sorts pseudo-random integers by quicksort, insertion sort for short runs.
static int values[1 << 17];

static void sort(int *a, int lo, int hi) {
  while (hi - lo > 12) {
    int pivot = a[lo + (hi - lo) / 2], i = lo, j = hi;
    do {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) {
        int t = a[i];
        a[i++] = a[j];
        a[j--] = t;
      }
    } while (i <= j);
    if (j - lo < hi - i) {
      sort(a, lo, j);
      lo = i;
    } else {
      sort(a, i, hi);
      hi = j;
    }
  }
  for (int i = lo + 1; i <= hi; i++) {
    int v = a[i], j = i - 1;
    for (; j >= lo && a[j] > v; j--) a[j + 1] = a[j];
    a[j + 1] = v;
  }
}

__attribute__((export_name("run"))) unsigned run(unsigned rounds) {
  const int n = sizeof values / sizeof *values;
  unsigned sum = 0, seed = 1;
  for (unsigned r = 0; r < rounds; r++) {
    for (int i = 0; i < n; i++) values[i] = (int)(seed = seed * 1664525u + 1013904223u);
    sort(values, 0, n - 1);
    for (int i = 1; i < n; i++)
      if (values[i - 1] > values[i]) __builtin_trap();
    sum = sum * 31 + (unsigned)values[r % n];
  }
  return sum;
}
