// Mails on their way from the spool into the record.
#include <doctest/doctest.h>
#include <fcntl.h>

#include "descriptor.hpp"
#include "inquiry_intake.hpp"
#include "mail_spool.hpp"
#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace fs = std::filesystem;

TEST_CASE("a mail that is recorded is not called unreadable, though the daemon ended three times before its file was gone") {
  EngineWorld world;
  const std::string state = world.engine.configuration().state_folder;
  InquiryIntake intake(world.surroundings, world.engine);
  std::ofstream(world.folder.path + "/mail") << "From: s@example.jp\nMessage-ID: <1@example.jp>\n\nHow long?\n";
  io::Descriptor source(::open((world.folder.path + "/mail").c_str(), O_RDONLY | O_CLOEXEC));
  const SpoolOutcome spooled = spool_mail(state, source.get(), "s@example.jp");
  REQUIRE(spooled.how == Spooled::kept);
  const std::string file = state + "/inquiries/spool/" + spooled.name + ".mail";
  const auto waiting = [&] { return waiting_mails(state).value_or(std::vector<WaitingMail>{}).size(); };
  fs::copy_file(file, world.folder.path + "/as-it-came");
  intake.look();
  REQUIRE(world.comes([&] { return waiting() == 0; }));
  REQUIRE(world.engine.state().inquiries.size() == 1);
  world.run(50ms);
  // Its removal was not on the disk yet.
  fs::copy_file(world.folder.path + "/as-it-came", file + ".3");
  intake.look();
  CHECK(world.comes([&] { return waiting() == 0; }));
  CHECK_FALSE(fs::exists(state + "/inquiries/unreadable"));
  CHECK(world.engine.state().inquiries.size() == 1);
}
