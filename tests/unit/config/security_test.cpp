// What the configuration refuses or warns of so that nobody gets more than they should: listeners,
// other users, passwords, the modes of files.
#include <doctest/doctest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "file_modes.hpp"
#include "written.hpp"

using namespace yagura;

namespace {

Loaded loaded(const WrittenFolder& folder, const std::vector<std::string>& sections) {
  return load_configuration(folder.write("c.yaml", with(sections)), december());
}

std::string modes(const WrittenFolder& folder, const Configuration& configuration) {
  std::string said = text(problems_of_modes(configuration));
  const std::string prefix = folder.path();
  for (auto at = said.find(prefix); at != std::string::npos; at = said.find(prefix, at))
    said.replace(at, prefix.size(), "DIR");
  return said;
}

}  // namespace

TEST_CASE("listen.http is of this machine only") {
  const std::string elsewhere =
      "`http` can be reached by other machines, and asks nobody who is calling: write "
      "127.0.0.1:9640 or "
      "[::1]:9640, and put a proxy in front of it that has TLS and knows its callers "
      "(docs/security.md)";
  const std::string nothing =
      "`http` must be an address of this machine and a port, such as 127.0.0.1:9640 or [::1]:9640";
  for (const char* address :
       {"0.0.0.0:9640", "192.0.2.7:9640", "\"[::]:9640\"", "\"[2001:db8::7]:9640\"",
        "\"[::ffff:127.0.0.1]:9640\"", "128.0.0.1:9640"}) {
    CAPTURE(address);
    CHECK(said_at_mark({"listen: {http: «" + std::string(address) + "}"}) == elsewhere);
  }
  for (const char* address : {"127.0.0.1", "127.0.0.1:0", "127.1:9640", "somewhere:9640",
                              "\":9640\"", "127.0.0.1:99999"}) {
    CAPTURE(address);
    CHECK(said_at_mark({"listen: {http: «" + std::string(address) + "}"}) == nothing);
  }
  WrittenFolder folder;
  CHECK(loaded(folder, {"listen: {http: localhost:9640}"}).configuration->http_address ==
        "127.0.0.1:9640");
  CHECK(loaded(folder, {"listen: {http: 127.8.9.1:9640}"}).configuration->http_address ==
        "127.8.9.1:9640");
  CHECK(loaded(folder, {"listen: {http: \"[::1]:9640\"}"}).configuration->http_address ==
        "[::1]:9640");
}

TEST_CASE("response_user is a user of this machine, and not root") {
  CHECK(said_at_mark({"response_user: «nobody-of-this-name"}) ==
        "`response_user`: this machine has no user \"nobody-of-this-name\"");
  CHECK(said_at_mark({"response_user: «root"}) ==
        "`response_user`: \"root\" is root: name a user that may do what is needed, and no more");
  CHECK(said_at_mark({"response_user: «[nobody]"}) == "`response_user` must be a text");
  WrittenFolder folder;
  CHECK_FALSE(loaded(folder, {}).configuration->response_user.has_value());
  const Loaded set = loaded(folder, {"response_user: nobody"});
  REQUIRE(set.configuration);
  CHECK(set.configuration->response_user->uid == getpwnam("nobody")->pw_uid);
  CHECK(set.configuration->response_user->groups == std::vector<gid_t>{getpwnam("nobody")->pw_gid});
}

TEST_CASE("a password is in a file or a credential, and one of them") {
  const std::string relay = "mail: {from: k@example.jp, smtp: [{url: smtp://relay, ";
  CHECK(said_at_mark({relay + "user: k, password: «hunter2}]}"}) ==
        "a password is not written into the configuration: write it into a file that only the "
        "daemon may read, and the "
        "file's name here, as `password_file`");
  CHECK(said_at_mark({relay + "user: k, password_file: f, password_credential: «c}]}"}) ==
        "the password is in a `password_file` or in a `password_credential`: keep one");
  CHECK(said_at_mark({relay + "user: k, password_credential: «../../etc/shadow}]}"}) ==
        "`password_credential` is the name of a credential of systemd, such as relay: write "
        "LoadCredential=relay:PATH into a drop-in of the unit");
  CHECK(said_at_mark({relay + "password_credential: «c}]}"}) ==
        "`user` and `password_file` (or `password_credential`) belong together: write both, or "
        "neither");
  WrittenFolder folder;
  unsetenv("CREDENTIALS_DIRECTORY");
  const auto file_of = [&] {
    return loaded(folder, {relay + "user: k, password_credential: relay}]}"})
        .configuration->mail.relays.at(0)
        .password_file;
  };
  CHECK(file_of() == "/run/credentials/yagurad.service/relay");
  setenv("CREDENTIALS_DIRECTORY", "/run/credentials/other.service", 1);
  CHECK(file_of() == "/run/credentials/other.service/relay");
  unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_CASE("a plugin that everybody may change is refused, as any program that the daemon runs") {
  WrittenFolder folder;
  const std::string program = folder.path() + "/check_x";
  folder.write("check_x", "#!/bin/sh\n");
  const Loaded all = loaded(
      folder, {"components:\n  web: {owner: ap-ops, depends_on: [zone], probes: [{kind: plugin, run: [" +
               program + ", -w, \"5\"]}]}\n  database: {owner: infra-ops}\n  zone: {owner: infra-ops}"});
  REQUIRE_MESSAGE(all.configuration, text(all.problems));
  REQUIRE(chmod(program.c_str(), 0755) == 0);
  CHECK(modes(folder, *all.configuration).find("check_x") == std::string::npos);
  REQUIRE(chmod(program.c_str(), 0757) == 0);
  CHECK(modes(folder, *all.configuration)
            .find("everybody on this machine may change DIR/check_x, and with it what the daemon "
                  "runs: chmod o-w DIR/check_x") != std::string::npos);
}

TEST_CASE("a file that a probe is let in with is warned of where everybody may read it") {
  WrittenFolder folder;
  const auto path = [&](const char* name) { return folder.path() + "/" + name; };
  for (const char* name : {"basic", "bearer", "both.pem", "cert.pem", "key.pem"})
    folder.write(name, "hunter2\n");
  const std::string http = "{kind: http, url: \"https://192.0.2.1/\", name: ";
  const Loaded all = loaded(
      folder, {"components:\n  web: {owner: ap-ops, depends_on: [zone], probes: [" + http + "a, auth: {basic: " +
               path("basic") + "}, client_certificate: " + path("both.pem") + "}, " + http + "b, auth: {bearer: " +
               path("bearer") + "}, client_certificate: " + path("cert.pem") + ", client_key: " + path("key.pem") +
               "}]}\n  database: {owner: infra-ops}\n  zone: {owner: infra-ops}"});
  REQUIRE_MESSAGE(all.configuration, text(all.problems));
  REQUIRE(chmod(path("c.yaml").c_str(), 0600) == 0);
  for (const auto& [name, secret] : {std::pair{"basic", true}, {"bearer", true}, {"both.pem", true},
                                     {"cert.pem", false}, {"key.pem", true}}) {
    CAPTURE(name);
    for (const char* one : {"basic", "bearer", "both.pem", "cert.pem", "key.pem"})
      REQUIRE(chmod(path(one).c_str(), one == std::string_view(name) ? 0644 : 0600) == 0);
    const std::string said = modes(folder, *all.configuration);
    CHECK((said.find(std::string("warning: everybody on this machine may read the secret in DIR/") + name) !=
           std::string::npos) == secret);
    CHECK(said.find("hunter2") == std::string::npos);
  }
}

TEST_CASE(
    "what everybody may change is refused, what a group may or what shows a secret is warned of") {
  WrittenFolder folder;
  const auto path = [&](const char* name) { return folder.path() + "/" + name; };
  folder.write("restart", "#!/bin/sh\n");
  folder.write("password", "hunter2\n");
  std::filesystem::create_directory(path("words"));
  std::filesystem::create_directory(path("state"));
  folder.write("more.yaml", "services: {other: {needs: [zone]}}\n");
  const Loaded all = loaded(
      folder,
      {"state: state", "include: more.yaml",
       "mail: {from: k@example.jp, templates: words, smtp: [{url: smtps://relay, user: k, "
       "password_file: password}]}",
       "components:\n  web: {owner: ap-ops, depends_on: [zone], probes: [{kind: http, url: "
       "\"http://192.0.2.1/\", "
       "headers: {X-Plain: a, Authorization: Bearer hunter2}}], primary_response: [{run: [" +
           path("restart") + "]}]}\n  database: {owner: infra-ops}\n  zone: {owner: infra-ops}"});
  REQUIRE_MESSAGE(all.configuration, text(all.problems));
  const Configuration& configuration = *all.configuration;
  const auto set = [&](const char* name, mode_t mode) {
    REQUIRE(chmod(path(name).c_str(), mode) == 0);
  };
  for (const char* name : {"c.yaml", "more.yaml", "password"})
    set(name, 0600);
  for (const char* name : {"restart", "words", "state"})
    set(name, 0755);
  CHECK(modes(folder, configuration) == "");

  // A secret in the configuration is one that its readers know. Where it is written is said, never
  // what it is.
  set("c.yaml", 0644);
  CHECK(modes(folder, configuration) ==
        "DIR/c.yaml:12:129: warning: everybody on this machine may read the secret in DIR/c.yaml: "
        "chmod o= DIR/c.yaml\n");
  set("c.yaml", 0600);
  set("password", 0604);
  CHECK(modes(folder, configuration)
            .find("warning: everybody on this machine may read the secret in DIR/password: chmod "
                  "o= DIR/password\n") != std::string::npos);
  set("password", 0602);
  CHECK(modes(folder, configuration).find("may change the secret in DIR/password") !=
        std::string::npos);
  set("password", 0640);

  set("more.yaml", 0602);
  set("restart", 0757);
  set("words", 0757);
  set("state", 0757);
  const std::string said = modes(folder, configuration);
  CHECK(has_errors(problems_of_modes(configuration)));
  for (const char* line : {"DIR/more.yaml:1:1: everybody on this machine may change DIR/more.yaml, "
                           "and with it what the daemon runs and whom "
                           "it mails: chmod o-w DIR/more.yaml\n",
                           ": everybody on this machine may change DIR/restart, and with it what "
                           "the daemon runs: chmod o-w DIR/restart\n",
                           ": everybody on this machine may write in DIR/words, and with it what "
                           "banks read: chmod o-w DIR/words\n",
                           ": everybody on this machine may write in DIR/state, and so remove or "
                           "replace the record: chmod o-w DIR/state\n"}) {
    CAPTURE(said);
    CHECK(said.find(line) != std::string::npos);
  }
  for (const char* name : {"restart", "words", "state"})
    set(name, 0755);
  set("more.yaml", 0600);

  folder.write("words/bank.first.txt", "x");
  set("words/bank.first.txt", 0666);
  CHECK(modes(folder, configuration)
            .find("may change DIR/words/bank.first.txt, and with it what banks read") !=
        std::string::npos);
  set("words/bank.first.txt", 0600);

  // The folder of a file counts as the file does, but where nobody may replace another's.
  REQUIRE(chmod(folder.path().c_str(), 0777) == 0);
  CHECK(modes(folder, configuration)
            .find("everybody on this machine may write in DIR, and with it") != std::string::npos);
  REQUIRE(chmod(folder.path().c_str(), 01777) == 0);
  CHECK(modes(folder, configuration) == "");
  REQUIRE(chmod(folder.path().c_str(), 0700) == 0);
}

TEST_CASE("a file that a group may change is warned of, but root's group" *
          doctest::skip(geteuid() != 0)) {
  WrittenFolder folder;
  const Loaded all = loaded(folder, {});
  REQUIRE(all.configuration);
  const std::string file = folder.path() + "/c.yaml";
  REQUIRE(chmod(file.c_str(), 0660) == 0);
  CHECK(modes(folder, *all.configuration) == "");
  REQUIRE(chown(file.c_str(), 0, 65534) == 0);
  CHECK(modes(folder, *all.configuration) ==
        "DIR/c.yaml:1:1: warning: group 65534 may change DIR/c.yaml, and with it what the daemon "
        "runs and whom it mails: "
        "chmod g-w DIR/c.yaml\n");
}

TEST_CASE("in a folder such as /tmp a file of somebody else is warned of" * doctest::skip(geteuid() != 0)) {
  WrittenFolder folder;
  const Loaded all = loaded(folder, {});
  REQUIRE(all.configuration);
  const std::string file = folder.path() + "/c.yaml";
  REQUIRE(chmod(folder.path().c_str(), 01777) == 0);
  CHECK(modes(folder, *all.configuration) == "");
  REQUIRE(chown(file.c_str(), 65534, 65534) == 0);
  CHECK(modes(folder, *all.configuration) ==
        "DIR/c.yaml:1:1: warning: DIR/c.yaml belongs to user 65534, in a folder in which everybody may make "
        "files: that user may change it, and with it what the daemon runs and whom it mails\n");
  REQUIRE(chmod(folder.path().c_str(), 0700) == 0);
}
