// What the tests of the command share: running it with streams of its own and a fixed time, and a
// daemon's stand-in at the end of a real socket.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "terminal.hpp"

namespace yagura::cli::testing {

// 2026-12-28T17:12:30+09:00, a Monday.
Instant test_now();
Screen test_screen();

struct Outcome {
  int exit = 0;
  std::string out, err;
};
// As run_command does it, less the program's own streams.
Outcome run(const std::vector<std::string>& words);

class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

struct Request {
  std::string head;  // "GET /v1/status"
  std::string body;
};

// Answers HTTP on a Unix socket as `answer` says: {status, body}; status 0 hangs up.
class StandIn {
 public:
  using Answer = std::function<std::pair<int, std::string>(const Request&)>;
  StandIn(std::string path, Answer answer);
  ~StandIn();
  std::vector<Request> requests() const;

 private:
  void serve();
  std::string path_;
  Answer answer_;
  int socket_ = -1;
  mutable std::mutex lock_;
  std::vector<Request> requests_;
  std::thread thread_;
};

}  // namespace yagura::cli::testing
