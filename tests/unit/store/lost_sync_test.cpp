// A disk that could not synchronise once, on the simulation's disk (tests/simulation/disk.hpp): the kernel may take for
// written what was not, and says of the next synchronising that all is well.
#include "disk.hpp"

#include <fstream>

#include "support.hpp"
#include "writer.hpp"

using namespace yagura;

namespace {

struct Computer {
  explicit Computer(std::uint64_t seed) : disk(seed, [this] { return alive; }) {
    std::ofstream file(path);
    start();
  }

  void start() {
    Opening opening;
    Result<Writer> opened = Writer::open(path, opening);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
    REQUIRE(opening.looked_at_all);
    writer = std::make_unique<Writer>(std::move(*opened));
  }
  // False: the disk refused, and nothing of it is there.
  bool write(int entries) {
    Transaction many;
    for (int i = 0; i < entries; ++i) many.entries.push_back(entry("note", "\"" + std::string(3000, 'x') + "\""));
    const Transaction* batch[] = {&many};
    const bool done = writer->write(batch, [](const MailBytes&) {}).has_value();
    if (done) durable += entries;
    return done;
  }
  void power_cut() {
    alive = false;
    writer.reset();
    disk.crash(true);
    alive = true;
  }

  // A file of this name has to be there, as the store looks whether it was replaced; what is in it is the disk's.
  TempFolder folder;
  const std::string path = folder / "yagura.db";
  bool alive = true;
  sim::Disk disk;
  std::unique_ptr<Writer> writer;
  std::int64_t durable = 0;
};

}  // namespace

TEST_CASE("a disk that did not synchronise the database once loses nothing of it, when the power goes later") {
  int failed_syncs = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Computer computer(seed);
    REQUIRE(computer.write(500));
    {
      // Who reads keeps the log from being copied whole: a first piece is, and is not synchronised.
      auto reader = sqlite::Connection::open(computer.path, sqlite::Connection::Access::read);
      REQUIRE(reader.has_value());
      REQUIRE(reader->run("BEGIN; SELECT count(*) FROM record").has_value());
      for (int i = 0; i < 8; ++i) REQUIRE(computer.write(100));
    }
    computer.disk.faults.sync_error = 0.5;
    for (int i = 0; i < 20; ++i) computer.write(1);
    computer.disk.faults.sync_error = 0;
    if (computer.writer->keeps_log()) ++failed_syncs;
    for (int i = 0; i < 20; ++i) REQUIRE(computer.write(100));
    computer.power_cut();
    computer.start();
    CHECK(computer.writer->head().id == computer.durable);
    CHECK_FALSE(computer.writer->keeps_log());
    computer.power_cut();
  }
  CHECK(failed_syncs > 3);
}
