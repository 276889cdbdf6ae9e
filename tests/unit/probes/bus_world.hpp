// A real dbus-daemon with a systemd that says what a test wants, and a bus of bytes that a test
// writes itself.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "folder.hpp"

extern char** environ;

namespace yagura::local {

using Shown = std::variant<std::string, std::uint32_t, std::int32_t, std::uint64_t>;

inline sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

class Bus {
 public:
  Bus() { start(); }
  ~Bus() { stop(); }
  std::string socket() const { return (folder_ / "bus").string(); }

  void start() {
    // Everybody may do everything, but what `policy` says.
    const std::string config = folder_.write(
        "bus.conf",
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
        "\"http://www.freedesktop.org/standards/dbus/1.0/"
        "busconfig.dtd\"><busconfig><listen>unix:path=" +
            socket() +
            "</listen><policy context=\"default\"><allow send_destination=\"*\" "
            "eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>"
            "<allow own=\"*\"/>" +
            policy + "</policy></busconfig>");
    const std::string option = "--config-file=" + config;
    std::string name = "dbus-daemon", nofork = "--nofork", nopid = "--nopidfile",
                quiet = "--nosyslog";
    std::string own = option;
    char* arguments[] = {name.data(),  nofork.data(), nopid.data(),
                         quiet.data(), own.data(),    nullptr};
    posix_spawn_file_actions_t quietly;
    posix_spawn_file_actions_init(&quietly);
    posix_spawn_file_actions_addopen(&quietly, 2, "/dev/null", O_WRONLY, 0);
    const int spawned =
        ::posix_spawnp(&process_, "dbus-daemon", &quietly, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&quietly);
    REQUIRE(spawned == 0);
    const sockaddr_un address = address_of(socket());
    for (int tries = 0;; ++tries) {
      const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const bool listens =
          ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
      ::close(probe);
      if (listens) return;
      REQUIRE(tries < 3000);
      ::usleep(10'000);
    }
  }
  void stop() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
    ::unlink(socket().c_str());
  }
  std::string policy;

 private:
  Folder folder_;
  pid_t process_ = 0;
};

inline bool has_dbus() {
  return ::access("/usr/bin/dbus-daemon", X_OK) == 0;
}

// org.freedesktop.systemd1 on that bus, in a thread of its own.
class FakeSystemd {
 public:
  using Properties = std::map<std::string, Shown>;  // "Unit.ActiveState": …

  explicit FakeSystemd(const std::string& socket) {
    REQUIRE(sd_bus_new(&bus_) >= 0);
    REQUIRE(sd_bus_set_address(bus_, ("unix:path=" + socket).c_str()) >= 0);
    sd_bus_set_bus_client(bus_, 1);
    REQUIRE(sd_bus_start(bus_) >= 0);
    REQUIRE(sd_bus_request_name(bus_, "org.freedesktop.systemd1", 0) >= 0);
    REQUIRE(sd_bus_add_fallback(bus_, nullptr, "/org/freedesktop/systemd1/unit", answer, this) >=
            0);
    thread_ = std::thread([this] {
      while (!ends_) {
        while (sd_bus_process(bus_, nullptr) > 0) {
        }
        if (sd_bus_wait(bus_, 10'000) < 0) return;
      }
    });
  }
  ~FakeSystemd() {
    ends_ = true;
    thread_.join();
    sd_bus_close(bus_);
    sd_bus_unref(bus_);
  }
  // What it says of a unit from now on.
  void show(const std::string& unit, Properties properties) {
    char* path = nullptr;
    REQUIRE(sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path) >= 0);
    std::lock_guard lock(mutex_);
    units_[path] = std::move(properties);
    std::free(path);
  }
  std::atomic<bool> silent{false};
  std::atomic<int> asked{0};
  // Who asked, by their names on the bus: a connection each.
  std::size_t callers() {
    std::lock_guard lock(mutex_);
    return callers_.size();
  }

 private:
  static void append(sd_bus_message* reply, const Shown& value) {
    if (const auto* text = std::get_if<std::string>(&value))
      sd_bus_message_append(reply, "v", "s", text->c_str());
    if (const auto* number = std::get_if<std::uint32_t>(&value))
      sd_bus_message_append(reply, "v", "u", *number);
    if (const auto* number = std::get_if<std::int32_t>(&value))
      sd_bus_message_append(reply, "v", "i", *number);
    if (const auto* number = std::get_if<std::uint64_t>(&value))
      sd_bus_message_append(reply, "v", "t", *number);
  }
  static int answer(sd_bus_message* call, void* data, sd_bus_error*) {
    auto& self = *static_cast<FakeSystemd*>(data);
    ++self.asked;
    std::lock_guard lock(self.mutex_);
    self.callers_.insert(sd_bus_message_get_sender(call));
    if (self.silent) return 1;
    const auto unit = self.units_.find(sd_bus_message_get_path(call));
    const char *interface = nullptr, *name = nullptr;
    const bool all = sd_bus_message_is_method_call(call, nullptr, "GetAll") > 0;
    sd_bus_message_read(call, "s", &interface);
    if (!all) sd_bus_message_read(call, "s", &name);
    const std::string begins =
        std::string(interface).substr(std::strlen("org.freedesktop.systemd1.")) + ".";
    if (unit == self.units_.end())
      return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_OBJECT, "no such object");
    if (!all) {
      const auto found = unit->second.find(begins + name);
      if (found == unit->second.end())
        return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_PROPERTY, "none");
      sd_bus_message* reply = nullptr;
      sd_bus_message_new_method_return(call, &reply);
      append(reply, found->second);
      sd_bus_send(nullptr, reply, nullptr);
      sd_bus_message_unref(reply);
      return 1;
    }
    sd_bus_message* reply = nullptr;
    sd_bus_message_new_method_return(call, &reply);
    sd_bus_message_open_container(reply, 'a', "{sv}");
    // As of the real one: some are no basic values.
    sd_bus_message_append(reply, "{sv}", "Names", "as", 2, "a.service", "b.service");
    sd_bus_message_append(reply, "{sv}", "Job", "(uo)", 7, "/");
    for (const auto& [key, value] : unit->second) {
      if (!key.starts_with(begins)) continue;
      sd_bus_message_open_container(reply, 'e', "sv");
      sd_bus_message_append(reply, "s", key.substr(begins.size()).c_str());
      append(reply, value);
      sd_bus_message_close_container(reply);
    }
    sd_bus_message_close_container(reply);
    sd_bus_send(nullptr, reply, nullptr);
    sd_bus_message_unref(reply);
    return 1;
  }

  sd_bus* bus_ = nullptr;
  std::thread thread_;
  std::atomic<bool> ends_{false};
  std::mutex mutex_;
  std::map<std::string, Properties> units_;
  std::set<std::string> callers_;
};

// What somebody else's bus does once it is connected to, in a thread of its own.
class BytesBus {
 public:
  using Talk = std::function<void(int connection)>;
  explicit BytesBus(Talk talk) : talk_(std::move(talk)) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(socket());
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 8) == 0);
    thread_ = std::thread([this] {
      while (true) {
        const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) return;
        talk_(connection);
        ::close(connection);
      }
    });
  }
  ~BytesBus() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string socket() const { return (folder_ / "bus").string(); }

  // Reads until the other side is gone.
  static void listen(int connection) {
    char buffer[4096];
    while (::read(connection, buffer, sizeof buffer) > 0) {
    }
  }
  static bool say(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // Lets the other side in, and answers its Hello.
  static void let_in(int connection) {
    std::string heard;
    char letter = 0;
    while (heard.find("BEGIN\r\n") == heard.npos && ::read(connection, &letter, 1) == 1)
      heard += letter;
    say(connection, "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n");
    say(connection, reply(1, "s", text(":1.1")));
  }
  // A message of the wire: little endian, protocol 1.
  static std::string reply(std::uint32_t to, std::string_view signature, const std::string& body) {
    std::string fields = {5, 1, 'u', 0};
    fields += number(to);
    if (!signature.empty()) {
      fields += std::string{8, 1, 'g', 0} + static_cast<char>(signature.size()) +
                std::string(signature) + '\0';
    }
    return framed(2, fields, body);
  }
  static std::string signal() {
    std::string fields;
    for (const auto& [code, type, value] :
         {std::tuple{1, 'o', "/a"}, {2, 's', "a.b"}, {3, 's', "C"}}) {
      padded(fields);
      fields += std::string{static_cast<char>(code), 1, type, 0} + text(value);
    }
    return framed(4, fields, "");
  }
  static std::string text(std::string_view value) {
    return number(static_cast<std::uint32_t>(value.size())) + std::string(value) + '\0';
  }
  static std::string number(std::uint32_t value) {
    std::string bytes;
    for (int shift = 0; shift < 32; shift += 8)
      bytes += static_cast<char>(value >> shift);
    return bytes;
  }
  static std::string framed(char type, std::string fields, const std::string& body) {
    std::string message = std::string{'l', type, 1, 1} +
                          number(static_cast<std::uint32_t>(body.size())) + number(77) +
                          number(static_cast<std::uint32_t>(fields.size()));
    padded(fields);
    return message + fields + body;
  }

 private:
  static void padded(std::string& bytes) {
    while (bytes.size() % 8 != 0)
      bytes += '\0';
  }
  Folder folder_;
  Talk talk_;
  int listener_ = -1;
  std::thread thread_;
};

}  // namespace yagura::local
