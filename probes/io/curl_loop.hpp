// libcurl's multi interface on the loop. Owns no handle: the caller makes, configures and frees its
// easy handle. The first one makes the whole program ignore SIGPIPE, as libcurl requires of
// programs that forbid it signals of its own.
#pragma once

#include <curl/curl.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

namespace yagura::io {

class CurlLoop {
 public:
  explicit CurlLoop(boost::asio::io_context& loop);
  ~CurlLoop();  // cancels what is running
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  // Performs the transfer; `done` is called once, from the loop, never before start() returns.
  // Within `done` the handle is already removed and may be freed or started again.
  void start(CURL* easy, std::function<void(CURLcode)> done);
  // The same for a handle with CURLOPT_CONNECT_ONLY, but the handle stays in, for its connection
  // lives only as long: cancel() takes it out and closes the connection.
  void connect(CURL* easy, std::function<void(CURLcode)> done);
  // Ends a transfer without calling its `done`. Harmless for a handle that is not running.
  void cancel(CURL* easy);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace yagura::io
