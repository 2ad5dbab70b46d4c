/* A program that does nothing, or writes one byte to the FIFO it is given. */
#include <fcntl.h>
#include <unistd.h>

int main(int count, char** words) {
  if (count < 2) return 0;
  const int fifo = open(words[1], O_WRONLY);
  return fifo < 0 || write(fifo, "x", 1) != 1;
}
