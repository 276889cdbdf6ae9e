#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support.hpp"
#include "transport.hpp"

using namespace yagura;
using test::content_of;
using test::Loop;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

Envelope envelope(const std::string& name = "n-1@example.jp") {
  return {"kanshi@example.jp", {"a@b.example", "c@d.example"}, "Subject: x\r\n\r\ny\r\n", name};
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename());
  return names;
}

unsigned mode_of(const std::string& path) {
  struct stat about {};
  REQUIRE(stat(path.c_str(), &about) == 0);
  return about.st_mode & 07777U;
}

}  // namespace

TEST_CASE("Maildir: a mail becomes a file in new, byte for byte, in folders of ours alone") {
  TemporaryFolder folder;
  Loop loop;
  auto maildir = make_maildir_transport(*loop.runtime, folder / "state/mail/");
  Delivery delivery = loop.deliver(*maildir, envelope());
  CHECK(delivery.accepted == std::vector<std::string>{"a@b.example", "c@d.example"});
  CHECK(delivery.refused.empty());
  CHECK(delivery.deferred.empty());
  CHECK_FALSE(delivery.unknown);
  CHECK(delivery.relay == "maildir");
  CHECK(files_in(folder / "state/mail/new") == std::vector<std::string>{"n-1@example.jp"});
  CHECK(content_of(folder / "state/mail/new/n-1@example.jp") == "Subject: x\r\n\r\ny\r\n");
  CHECK(files_in(folder / "state/mail/tmp").empty());
  CHECK(files_in(folder / "state/mail/cur").empty());
  for (const char* part :
       {"state", "state/mail", "state/mail/new", "state/mail/tmp", "state/mail/cur"}) {
    CHECK(mode_of(folder / part) == 0700U);
  }
  CHECK(mode_of(folder / "state/mail/new/n-1@example.jp") == 0600U);
}

TEST_CASE(
    "Maildir: the same mail again replaces its file, and comes anew where a reader has taken it") {
  TemporaryFolder folder;
  Loop loop;
  auto maildir = make_maildir_transport(*loop.runtime, folder / "mail");
  Envelope again = envelope();
  loop.deliver(*maildir, again);
  again.bytes = "Subject: z\r\n\r\n";
  loop.deliver(*maildir, again);
  CHECK(files_in(folder / "mail/new").size() == 1);
  CHECK(content_of(folder / "mail/new/n-1@example.jp") == again.bytes);
  fs::rename(folder / "mail/new/n-1@example.jp", folder / "mail/cur/n-1@example.jp:2,S");
  loop.deliver(*maildir, again);
  CHECK(files_in(folder / "mail/new").size() == 1);
}

TEST_CASE("Maildir: any name makes one file of its own inside the folder") {
  TemporaryFolder folder;
  Loop loop;
  auto maildir = make_maildir_transport(*loop.runtime, folder / "mail");
  std::vector<std::string> names{"../../evil",
                                 "..",
                                 ".hidden",
                                 "a/b",
                                 "a:2,S",
                                 std::string("a\0b", 3),
                                 "障害",
                                 std::string(300, 'x') + "1",
                                 std::string(300, 'x') + "2",
                                 ""};
  for (const std::string& name : names) {
    CHECK(loop.deliver(*maildir, envelope(name)).accepted.size() == 2);
  }
  CHECK(files_in(folder / "mail/new").size() == names.size());
  CHECK(files_in(folder.path()) == std::vector<std::string>{"mail"});
  for (const std::string& name : files_in(folder / "mail/new")) {
    CHECK(name.find_first_of("/:") == std::string::npos);
    CHECK(name[0] != '.');
    CHECK(name.size() <= 200);
  }
}

TEST_CASE("Maildir: what the disk refuses is deferred, in words") {
  TemporaryFolder folder;
  Loop loop;
  const auto deferred = [&](const std::string& path, const std::string& words) {
    auto maildir = make_maildir_transport(*loop.runtime, path);
    Delivery delivery = loop.deliver(*maildir, envelope());
    CHECK(delivery.accepted.empty());
    CHECK_FALSE(delivery.unknown);
    REQUIRE(delivery.deferred.size() == 2);
    CHECK(delivery.deferred[1].address == "c@d.example");
    CHECK_MESSAGE(delivery.deferred[1].reply.find(words) != std::string::npos,
                  delivery.deferred[1].reply);
  };
  test::write_file(folder / "file", "");
  deferred(folder / "file", "is not a folder");
  deferred(folder / "file/mail", "is not a folder");
  deferred("/dev/full/mail", "is not a folder");
  fs::create_directories(folder / "taken/new/n-1@example.jp/x");
  deferred(folder / "taken", "cannot be written");
  CHECK(files_in(folder / "taken/tmp").empty());
  if (geteuid() != 0) {
    fs::create_directory(folder / "locked");
    fs::permissions(folder / "locked", fs::perms::owner_read);
    deferred(folder / "locked/mail", "may not be written");
  }
}

TEST_CASE("Maildir: a disk that does not answer gives an unknown outcome in time") {
  TemporaryFolder folder;
  Loop loop;
  auto maildir = make_maildir_transport(*loop.runtime, folder / "mail", Duration(100));
  // Opening a pipe to write waits for a reader: as a dead mount would.
  fs::create_directories(folder / "mail/tmp");
  std::string pipe = folder / "mail/tmp/n-1@example.jp.1";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  Delivery delivery = loop.deliver(*maildir, envelope());
  CHECK(delivery.unknown);
  CHECK(delivery.accepted.empty());
  CHECK(delivery.reply.find("does not answer") != std::string::npos);
  // The next one is not held up, nor does the late end of the first one do harm.
  CHECK(loop.deliver(*maildir, envelope()).accepted.size() == 2);
  std::string late = content_of(pipe);
  CHECK(late == envelope().bytes);
  loop.run_for(std::chrono::milliseconds(20));
}

TEST_CASE("Maildir: nothing is called after the transport is gone") {
  TemporaryFolder folder;
  Loop loop;
  bool called = false;
  auto maildir = make_maildir_transport(*loop.runtime, folder / "mail");
  maildir->deliver(envelope(), [&](const Delivery&) { called = true; });
  CHECK_FALSE(called);
  maildir.reset();
  loop.run_for(std::chrono::milliseconds(100));
  CHECK_FALSE(called);
}
