#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "client.hpp"
#include "support.hpp"

using namespace yagura;
using namespace yagura::cli;
using namespace yagura::cli::testing;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

StandIn::Answer always(int status, std::string body) {
  return [=](const Request&) { return std::pair{status, body}; };
}

}  // namespace

TEST_CASE("an order is one request, and its answer is printed") {
  Folder folder;
  const std::string socket = folder.file("s");
  StandIn daemon(socket, always(200, "{\"done\":true,\"text\":\"failure 12 is yours\"}\n"));
  const Outcome done = run({"ack", "12", "-m", "着手", "--socket", socket});
  CHECK(done.exit == 0);
  CHECK(done.out == "failure 12 is yours\n");
  CHECK(run({"classify", "3", "major", "-m", "x", "--socket", socket}).exit == 0);
  CHECK(run({"banks", "3", "--remove", "aozora", "-m", "x", "--socket", socket}).exit == 0);
  CHECK(run({"open", "--service", "site", "--from-desk", "-m", "x", "--socket", socket}).exit == 0);
  CHECK(run({"notice", "release", "31", "--socket", socket, "--json"}).out ==
        "{\"done\":true,\"text\":\"failure 12 is yours\"}\n");
  const auto asked = daemon.requests();
  REQUIRE(asked.size() == 5);
  CHECK(asked[0].head == "POST /v1/orders");
  CHECK(asked[0].body == R"({"order":"ack","failure":12,"text":"着手"})");
  CHECK(asked[1].body == R"({"order":"classify","class":"major","failure":3,"text":"x"})");
  CHECK(asked[2].body == R"({"order":"banks","add":false,"bank":"aozora","failure":3,"text":"x"})");
  CHECK(asked[3].body == R"({"order":"open","components":[],"services":["site"],"class":"",)"
                         R"("from_desk":true,"text":"x"})");
  CHECK(asked[4].body == R"({"order":"notice-release","notice":31})");
}

TEST_CASE("what is wrong with an order is said before anything is sent") {
  Folder folder;
  StandIn daemon(folder.file("s"), always(200, "{}"));
  const std::string socket = "--socket=" + folder.file("s");
  CHECK(run({"respond", "1", socket}).exit == 2);
  CHECK(run({"respond", "1", "--success", "--failed", socket}).exit == 2);
  CHECK(run({"banks", "1", "-m", "x", socket}).exit == 2);
  CHECK(run({"classify", "1", "minor", "-m", "x", socket}).exit == 2);
  CHECK(run({"open", "-m", "x", socket}).exit == 2);
  CHECK(run({"open", "--component", "c", "--class", "incident", "-m", "x", socket}).exit == 2);
  CHECK(run({"ack", "0", socket}).exit == 2);
  CHECK(run({"ack", "1", "-m", "\xff", socket}).exit == 2);
  CHECK(run({"notices", "--held", "--all", socket}).exit == 2);
  CHECK(run({"record", "--since", "yesterday", socket}).exit == 2);
  CHECK(run({"record", "--verify", "--export", "csv", socket}).exit == 2);
  CHECK(run({"record", "--export", "csv", "--json", socket}).exit == 2);
  CHECK(daemon.requests().empty());
}

TEST_CASE("a refusal is a sentence on standard error, with the exit status of its kind") {
  Folder folder;
  const std::string socket = folder.file("s");
  for (auto [status, exit] :
       {std::pair{400, 2}, {403, 1}, {404, 1}, {409, 1}, {500, 1}, {503, 1}}) {
    StandIn daemon(socket, always(status, "{\"error\":\"not \\u001b[31mnow\"}"));
    const Outcome refused = run({"recover", "12", "--socket", socket, "--json"});
    CHECK(refused.exit == exit);
    CHECK(refused.out.empty());
    CHECK(refused.err == "yagura: not \\x1b[31mnow\n");
  }
}

TEST_CASE("a daemon that cannot be reached is exit status 3, with what to do") {
  Folder folder;
  const Outcome none = run({"status", "--socket", folder.file("none")});
  CHECK(none.exit == 3);
  CHECK(contains(none.err, "there is no socket " + folder.file("none")));
  CHECK(contains(none.err, "systemctl status yagurad"));

  StandIn daemon(folder.file("s"), always(0, ""));
  const Outcome gone = run({"status", "--socket", folder.file("s")});
  CHECK(gone.exit == 3);
  CHECK(contains(gone.err, "went away before it answered"));
  CHECK_FALSE(contains(gone.err, "is the daemon running"));

  CHECK(run({"status", "--socket", std::string(200, 'x')}).exit == 3);
  std::ofstream(folder.file("file")) << "x";
  CHECK(run({"status", "--socket", folder.file("file")}).exit == 3);
}

TEST_CASE("an answer that is no JSON, or has no end, is refused") {
  Folder folder;
  {
    StandIn daemon(folder.file("s"), always(200, "<html>"));
    CHECK(run({"status", "--socket", folder.file("s")}).exit == 1);
  }
  {
    StandIn daemon(folder.file("s"), always(200, std::string(10'000, '[')));
    CHECK(run({"failures", "--socket", folder.file("s")}).exit == 1);
  }
  StandIn daemon(folder.file("s"), always(200, std::string(2000, 'x')));
  const Client client(folder.file("s"), {1s, 5s, 1000});
  auto reply = client.get("/v1/status");
  REQUIRE_FALSE(reply.has_value());
  CHECK(contains(reply.error().message, "has no end"));
}

TEST_CASE("the socket is chosen by option, environment, configuration, default, in this order") {
  Folder folder;
  const std::string file = folder.file("yagura.yaml");
  // Only listen.control counts, even where the rest is wrong.
  std::ofstream(file) << "listen: {control: /from/file.sock}\nnonsense: true\n";
  CHECK(*choose_socket("/option", "/environment", file) == "/option");
  CHECK(*choose_socket("", "/environment", file) == "/environment");
  CHECK(*choose_socket("", "", file) == "/from/file.sock");
  CHECK(*choose_socket("", nullptr, "") == "/run/yagura/control.sock");
  CHECK_FALSE(choose_socket("", nullptr, folder.file("none.yaml")).has_value());
  CHECK(run({"status", "--config", folder.file("none.yaml")}).exit == 2);
}

TEST_CASE("a reload that is refused names every problem") {
  Folder folder;
  const std::string socket = folder.file("s");
  {
    StandIn daemon(socket, always(409, R"({"problems":["y:1:2: wrong","y:3:4: wrong, too"]})"));
    const Outcome refused = run({"reload", "--socket", socket});
    CHECK(refused.exit == 2);
    CHECK(contains(refused.err, "y:1:2: wrong\ny:3:4: wrong, too\nyagura: not reloaded"));
  }
  StandIn daemon(socket, always(200, R"({"problems":["y:1:2: warning: odd"]})"));
  const Outcome done = run({"reload", "--socket", socket});
  CHECK(done.exit == 0);
  CHECK(done.out == "reloaded\n");
  CHECK(done.err == "y:1:2: warning: odd\n");
}

TEST_CASE("the record is read page by page, and exported byte by byte") {
  Folder folder;
  const std::string socket = folder.file("s");
  const auto row = [](int id) {
    return "{\"id\":" + std::to_string(id) +
           R"(,"at":"2026-12-28T16:58:30.000+09:00","what":"failure.acknowledged","failure":3,)"
           R"("notice":null,"who":"suzuki","details":{"text":"=1+1"},"digest":"d","chain":"c",)"
           R"("subject":"","payload":"{\"text\":\"=1+1\"}","erased":false})";
  };
  StandIn daemon(socket, [&](const Request& request) {
    std::string body = "[]\n";
    if (contains(request.head, "/v1/status")) body = R"({"timezone":"Asia/Tokyo"})";
    if (request.head.ends_with("after=0")) body = "[" + row(1) + "," + row(2) + "]\n";
    if (request.head.ends_with("after=2")) body = "[" + row(7) + "]\n";
    return std::pair{200, body};
  });
  const Outcome people =
      run({"record", "--since", "2026-12-28T00:00:00+09:00", "--socket", socket});
  CHECK(people.exit == 0);
  CHECK(contains(people.out, "Mon 2026-12-28\n"));
  CHECK(contains(people.out, "     7  16:58:30  failure.acknowledged  #3 acknowledged by suzuki"));
  CHECK(daemon.requests().front().head ==
        "GET /v1/record?since=2026-12-28T00%3A00%3A00%2B09%3A00&after=0");

  CHECK(run({"record", "--json", "--socket", socket}).out ==
        "[\n" + row(1) + "," + row(2) + ",\n" + row(7) + "]\n");

  const Outcome csv = run({"record", "--export", "csv", "--socket", socket});
  CHECK(csv.exit == 0);
  CHECK(contains(csv.out, "id,at,what,failure,notice,who,subject,payload,digest,chain,erased\r\n"));
  CHECK(contains(csv.out,
                 "7,2026-12-28T16:58:30.000+09:00,failure.acknowledged,3,,suzuki,,"
                 "\"{\"\"text\"\":\"\"=1+1\"\"}\",d,c,0\r\n"));
  CHECK(contains(run({"record", "--export", "jsonl", "--socket", socket}).out,
                 R"("payload":{"text":"=1+1"},"digest":"d")"));
  CHECK(run({"record", "--export", "xml", "--socket", socket}).exit == 2);
}

TEST_CASE("a broken chain is exit status 1, with the row") {
  Folder folder;
  {
    StandIn daemon(folder.file("s"), always(200, R"({"intact":false,"row":41,"why":"changed"})"));
    const Outcome broken = run({"record", "--verify", "--socket", folder.file("s")});
    CHECK(broken.exit == 1);
    CHECK(contains(broken.err, "broken at row 41: changed"));
  }
  StandIn daemon(folder.file("s"), always(200, R"({"intact":true})"));
  CHECK(run({"record", "--verify", "--socket", folder.file("s")}).exit == 0);
}
