// Counts the lines, words and bytes of the files it is given, below a folder it was granted.
//
//   reactorctl run --dir ./docs:/docs:ro ./examples/c-wordcount/wordcount.wasm /docs/rationale.md
#include <ctype.h>
#include <stdio.h>

static int count(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) {
    perror(path);
    return 1;
  }
  unsigned long lines = 0, words = 0, bytes = 0;
  int in_word = 0;
  for (int c; (c = getc(file)) != EOF; bytes++) {
    if (c == '\n') lines++;
    if (isspace(c)) {
      in_word = 0;
    } else if (!in_word) {
      in_word = 1;
      words++;
    }
  }
  fclose(file);
  printf("%7lu %7lu %7lu %s\n", lines, words, bytes, path);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: wordcount FILE...\n");
    return 2;
  }
  int failed = 0;
  for (int i = 1; i < argc; i++) failed |= count(argv[i]);
  return failed;
}
