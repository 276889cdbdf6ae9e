#include "places.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

using namespace yagura;
using io::Places;

TEST_CASE("no more have a place than there are, and who waits gets one in order") {
  boost::asio::io_context loop;
  Places places(loop, 2);
  std::vector<int> given;
  std::vector<std::unique_ptr<Places::Place>> asked;
  for (int number = 0; number < 5; ++number)
    asked.push_back(places.ask([&given, number] { given.push_back(number); }));
  CHECK(given.empty());
  loop.run();
  CHECK(given == std::vector{0, 1});
  asked[2].reset();  // Waits no longer.
  asked[0].reset();
  loop.restart();
  loop.run();
  CHECK(given == std::vector{0, 1, 3});
  asked[1].reset();
  asked[3].reset();
  loop.restart();
  loop.run();
  CHECK(given == std::vector{0, 1, 3, 4});
}

TEST_CASE("a place may be given back within its own call, and after the places are gone") {
  boost::asio::io_context loop;
  std::optional<Places> places(std::in_place, loop, 1);
  int calls = 0;
  std::unique_ptr<Places::Place> first, second, third;
  first = places->ask([&] {
    ++calls;
    first.reset();
  });
  second = places->ask([&] { ++calls; });
  third = places->ask([&] { ++calls; });
  loop.run();
  CHECK(calls == 2);
  places.reset();
  second.reset();
  loop.restart();
  loop.run();
  CHECK(calls == 2);
}
