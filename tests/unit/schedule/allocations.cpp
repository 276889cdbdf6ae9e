#include "allocations.hpp"

#include <cstdlib>
#include <new>
#include <utility>

namespace {
bool counting = false;
int allocations = 0;
}  // namespace

int count_allocations(bool on) {
  counting = on;
  return std::exchange(allocations, 0);
}

void* operator new(std::size_t size) {
  if (counting) ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
