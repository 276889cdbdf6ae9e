#include "chain.hpp"

#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "support.hpp"

using namespace yagura;

namespace {

struct Outcome {
  int status = -1;
  std::string output;
};

Outcome shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr)
    outcome.output += buffer;
  int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

bool python_is_there() {
  return shell("python3 -c 'import sqlite3'").status == 0;
}

// Runs a script for each of its further arguments.
constexpr const char* run_for_each = R"python(
import runpy, sys
script, *databases = sys.argv[1:]
for database in databases:
    sys.argv = [script, database]
    try: runpy.run_path(script)
    except SystemExit as end: print(end.code)
)python";

// The script that docs/record.md gives to auditors, as a file.
std::string auditors_script(const TempFolder& folder) {
  std::ifstream page(std::string(YAGURA_SOURCE) + "/docs/record.md");
  std::string text{std::istreambuf_iterator<char>(page), {}};
  std::size_t begin = text.find("```python\n");
  REQUIRE(begin != std::string::npos);
  begin += 10;
  std::string script = text.substr(begin, text.find("\n```", begin) - begin + 1);
  std::ofstream(folder / "check.py") << script;
  return folder / "check.py";
}

// A closed database of eight rows.
void make_record(const std::string& folder) {
  auto store = open_store(folder);
  for (int n = 1; n <= 8; ++n) {
    RecordEntry made = entry("failure.opened", numbered(n), n % 2 == 0 ? "failure:1" : "");
    made.at = at_second(n);
    made.failure = n / 3;
    made.notice = n / 4;
    store->append(one(made), nullptr);
  }
  REQUIRE(store->flush(10s));
}

struct Tampering {
  const char* name;
  const char* sql;
  std::int64_t row;  // where verify() has to stop; 0: it has to fit
};

constexpr const char* no_triggers =
    "DROP TRIGGER record_keeps_rows; DROP TRIGGER record_keeps_values;";

const Tampering tamperings[] = {
    {"nothing", "", 0},
    {"payload", "UPDATE record SET payload = '{\"n\":9}' WHERE id = 3", 3},
    {"payload and digest",
     "UPDATE record SET payload = '', digest = "
     "'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' WHERE id = 3",
     3},
    {"time", "UPDATE record SET at_ms = at_ms + 1 WHERE id = 3", 3},
    {"name", "UPDATE record SET what = 'failure.closed' WHERE id = 3", 3},
    {"failure", "UPDATE record SET failure = failure + 1 WHERE id = 3", 3},
    {"notice", "UPDATE record SET notice = notice + 1 WHERE id = 3", 3},
    {"person", "UPDATE record SET who = 'sato' WHERE id = 3", 3},
    {"subject", "UPDATE record SET subject = 'failure:2' WHERE id = 4", 4},
    {"moved between fields", "UPDATE record SET what = 'failure', who = 'opened' WHERE id = 3", 3},
    {"chain", "UPDATE record SET chain = digest WHERE id = 3", 3},
    {"erased without a word", "UPDATE record SET payload = '', erased = 1 WHERE id = 3", 3},
    {"marked as erased", "UPDATE record SET erased = 1 WHERE id = 3", 3},
    {"first row gone", "DELETE FROM record WHERE id = 1", 1},
    {"row gone", "DELETE FROM record WHERE id = 3", 3},
    {"rows gone", "DELETE FROM record WHERE id IN (3, 4)", 3},
    {"row gone, the others moved up",
     "DELETE FROM record WHERE id = 3; UPDATE record SET id = id - 1 WHERE id > 3", 3},
    {"two rows changed places",
     "UPDATE record SET id = -3 WHERE id = 3; UPDATE record SET id = 3 WHERE id = 4; "
     "UPDATE record SET id = 4 WHERE id = -3",
     3},
    {"row put before all",
     "INSERT INTO record SELECT 0, at_ms, what, failure, notice, who, subject, digest, chain, "
     "erased, payload FROM record WHERE id = 1",
     1},
    {"row added at the end",
     "INSERT INTO record SELECT 9, at_ms, what, failure, notice, who, subject, digest, chain, "
     "erased, payload FROM record WHERE id = 8",
     9},
    {"row put in between",
     "UPDATE record SET id = -id - 1 WHERE id > 3; UPDATE record SET id = -id WHERE id < 0; "
     "INSERT INTO record SELECT 4, at_ms, what, failure, notice, who, subject, digest, chain, "
     "erased, payload FROM record WHERE id = 3",
     4},
    {"last row cut off", "DELETE FROM record WHERE id = 8", 8},
    {"all rows cut off", "DELETE FROM record", 1},
    {"count lowered", "UPDATE sqlite_sequence SET seq = 5 WHERE name = 'record'", 8},
};

}  // namespace

TEST_CASE("digest and link are those that the page describes") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  RecordRow row;
  row.id = 5;
  row.at = Instant(Duration(1234));
  row.what = "w";
  row.failure = 2;
  row.notice = 3;
  row.who = "p";
  row.subject = "s";
  row.digest = "d";
  CHECK(chain_link("before", row) == sha256_hex("before\n5\n1234\nw\n2\n3\np\ns\nd"));
  CHECK(chain_genesis() == std::string(64, '0'));
}

TEST_CASE("tampering is found at its row, by the program and by the auditor's script") {
  TempFolder folder;
  make_record(folder / "original");
  std::string script = auditors_script(folder);
  std::string databases;
  for (const Tampering& tampering : tamperings) {
    CAPTURE(tampering.name);
    std::string copy = folder / tampering.name;
    std::filesystem::copy(folder / "original", copy);
    {
      auto connection = raw(copy + "/yagura.db");
      run(connection, std::string(no_triggers) + tampering.sql);
    }
    databases += fmt::format(" '{}/yagura.db'", copy);
    auto store = open_store(copy);
    auto found = store->verify();
    REQUIRE(found.has_value());
    CHECK((found->has_value() ? (*found)->row : 0) == tampering.row);
    if (found->has_value()) CHECK_FALSE((*found)->why.empty());
  }

  if (!python_is_there()) {
    MESSAGE("python3 is not there: the auditor's script was not run");
    return;
  }
  // One interpreter for all of them: it gives a line for each, as the script says it.
  Outcome check = shell(fmt::format("python3 -c '{}' '{}'{}", run_for_each, script, databases));
  std::istringstream lines(check.output);
  for (const Tampering& tampering : tamperings) {
    CAPTURE(tampering.name);
    std::string line;
    std::getline(lines, line);
    CHECK(line.rfind(tampering.row == 0 ? "8 rows fit; the last one's chain is " : "row ", 0) == 0);
  }
  std::string rest;
  CHECK_FALSE(std::getline(lines, rest));
}

TEST_CASE("a payload is erased without breaking the chain, where a row says so") {
  TempFolder folder;
  make_record(folder.path());
  const std::string erase = "UPDATE record SET payload = '', erased = 1 WHERE id = 3";
  {
    auto store = open_store(folder.path());
    RecordEntry made = entry("record.erased", R"({"reason":"本人の請求"})", "row:3");
    made.who = "sato";
    store->append(one(made), nullptr);
    REQUIRE(store->flush(10s));
    auto connection = raw(folder / "yagura.db");
    run(connection, erase);  // with the triggers in place
    CHECK_FALSE(connection.run("UPDATE record SET payload = 'x' WHERE id = 4").has_value());
    CHECK_FALSE(connection.run("UPDATE record SET payload = '', erased = 1, who = '' WHERE id = 4")
                    .has_value());
    CHECK_FALSE(
        connection.run("UPDATE record SET payload = '{}', erased = 0 WHERE id = 3").has_value());
    CHECK_FALSE(connection.run("DELETE FROM record WHERE id = 4").has_value());
    CHECK_FALSE(store->verify()->has_value());
    CHECK(all_rows(*store).at(2).erased);
    CHECK(all_rows(*store).at(2).payload.empty());
  }
  auto store = open_store(folder.path());
  CHECK_FALSE(store->verify()->has_value());
  if (python_is_there()) {
    Outcome check =
        shell(fmt::format("python3 '{}' '{}'", auditors_script(folder), folder / "yagura.db"));
    CAPTURE(check.output);
    CHECK(check.status == 0);
  }
}

TEST_CASE("while it runs, the store also finds an end that was cut off together with the count") {
  TempFolder folder;
  auto store = open_store(folder.path());
  for (int n = 1; n <= 5; ++n)
    store->append(one(entry("fact", numbered(n))), nullptr);
  REQUIRE(store->flush(10s));
  {
    auto connection = raw(folder / "yagura.db");
    run(connection, std::string(no_triggers) +
                        "DELETE FROM record WHERE id = 5;"
                        "UPDATE sqlite_sequence SET seq = 4 WHERE name = 'record'");
  }
  auto found = store->verify();
  REQUIRE(found.has_value());
  REQUIRE(found->has_value());
  CHECK((*found)->row == 5);
  CHECK(has((*found)->why, "cut off"));

  // What is written next does not close the gap.
  store->append(one(entry("fact", numbered(6))), nullptr);
  REQUIRE(store->flush(10s));
  found = store->verify();
  REQUIRE(found.has_value());
  REQUIRE(found->has_value());
  CHECK((*found)->row == 5);
}

TEST_CASE("rows that somebody adds do not stop the daemon, and are found") {
  TempFolder folder;
  auto store = open_store(folder.path());
  store->append(one(entry("fact", numbered(1))), nullptr);
  REQUIRE(store->flush(10s));
  {
    auto connection = raw(folder / "yagura.db");
    run(connection,
        "INSERT INTO record SELECT 2, at_ms, what, failure, notice, who, subject, digest, chain, "
        "erased, payload FROM record WHERE id = 1");
  }
  store->append(one(entry("fact", numbered(3))), nullptr);
  REQUIRE(store->flush(10s));
  CHECK(all_rows(*store).size() == 3);
  auto found = store->verify();
  REQUIRE(found.has_value());
  REQUIRE(found->has_value());
  CHECK((*found)->row == 2);
}

TEST_CASE("the chain fits while rows are being added") {
  TempFolder folder;
  auto store = open_store(folder.path());
  for (int round = 0; round < 20; ++round) {
    for (int n = 0; n < 50; ++n)
      store->append(one(entry("fact", numbered(n))), nullptr);
    auto found = store->verify();
    REQUIRE(found.has_value());
    CHECK_FALSE(found->has_value());
  }
}
