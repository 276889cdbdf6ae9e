// The spool: what is kept is whole and private, what is too large is nowhere, what cannot be kept is said.
#include "mail_spool.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace yagura;

namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string name = "/tmp/yagura-spool.XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path;
};

// A mail as it comes in, by a file.
SpoolOutcome spool(const Folder& folder, const std::string& mail, std::string_view sender = "a@b.example", SpoolLimits limits = {}) {
  const std::string input = folder.path + "/input";
  std::ofstream(input) << mail;
  const int file = ::open(input.c_str(), O_RDONLY);
  SpoolOutcome outcome = spool_mail(folder.path, file, sender, limits);
  // All of it was read, as who writes into a pipe wants it to be.
  CHECK((outcome.how == Spooled::not_now || ::lseek(file, 0, SEEK_CUR) == static_cast<off_t>(mail.size())));
  ::close(file);
  return outcome;
}

std::size_t files_in(const std::string& path) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path)) count += entry.is_regular_file() ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a mail is kept as it came, with its sender, for nobody else to read, in order") {
  Folder folder;
  const std::string mail("Subject: x\r\n\r\n\0sender\n", 22);
  SpoolOutcome first = spool(folder, mail, "a@b\n.example");
  SpoolOutcome second = spool(folder, "y", "");
  REQUIRE(first.how == Spooled::kept);
  auto waiting = waiting_mails(folder.path);
  REQUIRE((waiting && waiting->size() == 2));
  CHECK(waiting->at(0).name == first.name);
  CHECK(waiting->at(1).name == second.name);
  auto read = read_mail(folder.path, waiting->at(0));
  REQUIRE(read.has_value());
  CHECK(read->bytes == mail);
  CHECK(read->sender == "a@b .example");
  CHECK(read_mail(folder.path, waiting->at(1))->sender.empty());
  struct stat about {};
  REQUIRE(::stat((folder.path + "/inquiries/spool/" + waiting->at(0).file).c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  REQUIRE(::stat((folder.path + "/inquiries/spool").c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0700);
}

TEST_CASE("what is too large, or nothing, is kept nowhere") {
  Folder folder;
  CHECK(spool(folder, std::string(1001, 'x'), "a", {.message = 1000}).how == Spooled::too_large);
  CHECK(spool(folder, std::string(300'000, 'x'), "a", {.message = 1000}).how == Spooled::too_large);
  CHECK(spool(folder, "").how == Spooled::too_large);
  CHECK(files_in(folder.path + "/inquiries") == 0);
  CHECK(spool(folder, std::string(1000, 'x'), "a", {.message = 1000}).how == Spooled::kept);
}

TEST_CASE("a full spool, or none, is for later") {
  Folder folder;
  REQUIRE(spool(folder, "x").how == Spooled::kept);
  SpoolOutcome full = spool(folder, "x", "a", {.files = 1});
  CHECK(full.how == Spooled::not_now);
  CHECK(full.words.find("does the daemon run?") != std::string::npos);
  CHECK(spool(folder, "x", "a", {.bytes = 5}).how == Spooled::not_now);
  const int nothing = ::open("/dev/null", O_RDONLY);
  CHECK(spool_mail(folder.path + "/none", nothing, "a").how == Spooled::not_now);
  CHECK_FALSE(fs::exists(folder.path + "/none"));
  CHECK(spool_mail(folder.path, -1, "a").how == Spooled::not_now);
  ::close(nothing);
  CHECK(files_in(folder.path + "/inquiries") == 1);
}

TEST_CASE("tries are counted, and what cannot be read is put where a person finds it") {
  Folder folder;
  spool(folder, "x");
  WaitingMail mail = waiting_mails(folder.path)->at(0);
  for (int tries = 1; tries <= 3; ++tries) {
    auto tried = begin_try(folder.path, mail);
    REQUIRE(tried.has_value());
    mail = waiting_mails(folder.path)->at(0);
    CHECK(mail.tries == tries);
    CHECK(mail.name == tried->name);
    CHECK(read_mail(folder.path, mail)->bytes == "x");
  }
  CHECK(put_with_unreadable(folder.path, mail).has_value());
  CHECK(waiting_mails(folder.path)->empty());
  CHECK(fs::exists(folder.path + "/inquiries/unreadable/" + mail.name + ".mail"));
  spool(folder, "y");
  remove_mail(folder.path, waiting_mails(folder.path)->at(0).name);
  CHECK(waiting_mails(folder.path)->empty());
}

TEST_CASE("a file in the spool that is no mail of ours is not one") {
  Folder folder;
  spool(folder, "x");
  const std::string spool_folder = folder.path + "/inquiries/spool/";
  for (const char* name : {"notes", ".1.mail", "2.mail.x", "3.mailx"}) std::ofstream(spool_folder + name) << "sender a\nx";
  CHECK(waiting_mails(folder.path)->size() == 1);
  std::ofstream(spool_folder + "4.mail") << "x";
  std::ofstream(folder.path + "/elsewhere") << "sender a\nx";
  fs::create_symlink(folder.path + "/elsewhere", spool_folder + "5.mail");
  CHECK_FALSE(read_mail(folder.path, {"4", "4.mail"}).has_value());
  CHECK_FALSE(read_mail(folder.path, {"5", "5.mail"}).has_value());
}

TEST_CASE("files that came with a mail are kept below its name, and nowhere else") {
  Folder folder;
  auto kept = keep_file(folder.path, "mail-1", 2, "図.png", "bytes");
  REQUIRE(kept.has_value());
  CHECK(*kept == "mail-1/2-図.png");
  CHECK(fs::file_size(folder.path + "/inquiries/files/" + *kept) == 5);
  CHECK_FALSE(keep_file(folder.path, "mail-1", 3, "../x", "bytes").has_value());
  CHECK_FALSE(keep_file(folder.path, "../mail-1", 3, "x", "bytes").has_value());
  std::ofstream(folder.path + "/inquiries/x") << "x";
  remove_file(folder.path, "../x");
  CHECK(fs::exists(folder.path + "/inquiries/x"));
  remove_file(folder.path, *kept);
  CHECK_FALSE(fs::exists(folder.path + "/inquiries/files/mail-1"));
}

TEST_CASE("what was being written for a day is of somebody who is gone, and takes no room") {
  Folder folder;
  REQUIRE(spool(folder, "Subject: x\n\nx").how == Spooled::kept);
  const std::string old = folder.path + "/inquiries/spool/.old", fresh = folder.path + "/inquiries/spool/.fresh";
  for (const std::string& path : {old, fresh}) std::ofstream(path) << "sender a@b\nhalf of it";
  const auto now = fs::last_write_time(old);
  fs::last_write_time(old, now - std::chrono::hours(25));
  fs::last_write_time(fresh, now - std::chrono::hours(23));
  auto waiting = waiting_mails(folder.path);
  REQUIRE((waiting && waiting->size() == 1));
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(fresh));
}
