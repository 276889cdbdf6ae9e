// `yagura backup` and `restore` against a daemon's stand-in: what arrives torn or changed never
// gets the backup's name. The whole way, with a real daemon, is tests/integration/database_test.py.
#include "backup.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support.hpp"

using namespace yagura;
using namespace yagura::cli::testing;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Copy {
  std::string bytes;
  Store::Head head;
};

Copy copy_of_a_record(const Folder& folder) {
  auto store = Store::open(folder.file("state"));
  REQUIRE(store.has_value());
  Transaction rows;
  for (int n = 0; n < 50; ++n) {
    RecordEntry entry;
    entry.what = "fact";
    entry.payload = "{}" + std::string(2000, ' ');
    rows.entries.push_back(entry);
  }
  (*store)->append(rows, nullptr);
  REQUIRE((*store)->flush(10s));
  auto head = copy_record(folder.file("state"), folder.file("copy"), [] { return true; });
  REQUIRE(head.has_value());
  return {bytes_of(folder.file("copy")), *head};
}

// Hands the copy out in pieces of 64 KiB, as far as `until`.
StandIn::Answer handing_out(const Copy& copy, std::size_t until = std::string::npos) {
  return [copy, until](const Request& request) -> std::pair<int, std::string> {
    if (request.head == "POST /v1/backup") {
      return {200, fmt::format(R"({{"id":"c1","bytes":{},"rows":{},"chain":"{}"}})",
                               copy.bytes.size(), copy.head.id, copy.head.chain)};
    }
    const std::string prefix = "GET /v1/backup/c1?from=";
    if (!request.head.starts_with(prefix)) return {404, R"({"error":"not here"})"};
    const std::size_t from = std::stoul(request.head.substr(prefix.size()));
    if (from >= until) return {404, R"({"error":"the copy is no longer there: begin again"})"};
    return {200, copy.bytes.substr(from, 65536)};
  };
}

// What is in the folder beside what the test put there.
std::vector<std::string> made_in(const Folder& folder) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder.file(""))) {
    const std::string name = file.path().filename().string();
    if (name != "state" && name != "copy" && name != "s") names.push_back(name);
  }
  return names;
}

}  // namespace

TEST_CASE("backup: what the daemon hands out is written for the caller alone, and checked") {
  Folder folder;
  const Copy copy = copy_of_a_record(folder);
  StandIn daemon(folder.file("s"), handing_out(copy));
  const Outcome done = run({"--socket", folder.file("s"), "backup", folder.file("b"), "--json"});
  INFO(done.err);
  CHECK(done.exit == 0);
  CHECK(contains(done.out, "\"rows\":50"));
  CHECK(contains(done.out, copy.head.chain));
  CHECK(bytes_of(folder.file("b")) == copy.bytes);
  struct stat status {};
  REQUIRE(stat(folder.file("b").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(made_in(folder) == std::vector<std::string>{"b"});
}

TEST_CASE("backup: what breaks off, is damaged, or is another record gets no name") {
  Folder folder;
  Copy copy = copy_of_a_record(folder);
  StandIn::Answer answer;
  std::string expected;
  SUBCASE("breaks off") {
    answer = handing_out(copy, 65536);
    expected = "the copy is no longer there: begin again; no backup was made";
  }
  SUBCASE("damaged") {
    copy.bytes.replace(copy.bytes.size() - 8192, 8192, std::string(8192, '\x5a'));
    answer = handing_out(copy);
    expected = "is damaged";
  }
  SUBCASE("another record") {
    copy.head.chain[0] = copy.head.chain[0] == '0' ? '1' : '0';
    answer = handing_out(copy);
    expected = "is not what the daemon copied; no backup was made";
  }
  StandIn daemon(folder.file("s"), answer);
  const Outcome refused = run({"--socket", folder.file("s"), "backup", folder.file("b")});
  CHECK(refused.exit == 1);
  CHECK(refused.out.empty());
  CHECK(contains(refused.err, expected));
  CHECK(made_in(folder).empty());
}

TEST_CASE("backup: a file that is there is not touched, and the daemon is not asked") {
  Folder folder;
  std::ofstream(folder.file("b")) << "precious";
  StandIn daemon(folder.file("s"), [](const Request&) {
    return std::pair{500, std::string("{}")};
  });
  const Outcome refused = run({"--socket", folder.file("s"), "backup", folder.file("b")});
  CHECK(refused.exit == 1);
  CHECK(contains(refused.err, "never overwrites"));
  CHECK(bytes_of(folder.file("b")) == "precious");
  CHECK(daemon.requests().empty());
}

TEST_CASE("restore: where the configuration says, even where the rest of it is wrong") {
  Folder folder;
  copy_of_a_record(folder);
  std::ofstream(folder.file("c.yaml")) << "timezone: Asia/Tokyo\nnonsense: 1\nstate: other\n";
  const Outcome done =
      run({"restore", folder.file("copy"), "--config", folder.file("c.yaml"), "--json"});
  INFO(done.err);
  CHECK(done.exit == 0);
  CHECK(contains(done.out, "\"rows\":50"));
  CHECK(contains(done.out, "\"last_at\":\"1970-01-01T09:00:00.000+09:00\""));
  CHECK(std::filesystem::exists(folder.file("other/yagura.db")));

  std::ofstream(folder.file("c.yaml")) << "state: [other]\n";
  CHECK(run({"restore", folder.file("copy"), "--config", folder.file("c.yaml")}).exit == 2);
  std::ofstream(folder.file("c.yaml")) << "state: elsewhere\nmail: [\n";
  CHECK(run({"restore", folder.file("copy"), "--config", folder.file("c.yaml")}).exit == 2);
  CHECK(run({"restore", folder.file("copy"), "--config", folder.file("none.yaml")}).exit == 2);
  CHECK_FALSE(std::filesystem::exists(folder.file("elsewhere")));
}

TEST_CASE("restore: a state that the daemon could not read is found before anything is changed") {
  Folder folder;
  {
    auto store = Store::open(folder.file("state"));
    REQUIRE(store.has_value());
    Transaction rows;
    RecordEntry entry;
    entry.what = "state.notice";
    entry.subject = "notice:7";
    entry.payload = R"({"id":"seven"})";
    rows.entries.push_back(entry);
    (*store)->append(rows, nullptr);
    REQUIRE((*store)->flush(10s));
    REQUIRE(
        copy_record(folder.file("state"), folder.file("copy"), [] { return true; }).has_value());
  }
  std::ofstream(folder.file("c.yaml")) << "state: state\n";
  const Outcome refused = run({"restore", folder.file("copy"), "--config", folder.file("c.yaml")});
  CHECK(refused.exit == 1);
  CHECK(contains(refused.err, "row 1 of the backup (notice:7) cannot be read"));
  CHECK(contains(refused.err, "nothing was changed"));
}
