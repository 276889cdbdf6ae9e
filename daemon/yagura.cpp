// The operators' command's program: hands over to daemon/cli.
#include "cli.hpp"

int main(int argc, char** argv) {
  return yagura::run_command(argc, argv);
}
