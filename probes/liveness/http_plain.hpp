// One GET or HEAD in the clear, over a socket that is connected: half the processor time of
// libcurl's way. What is understood is in http_answer.hpp. Owned by a run (http_run.cpp).
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "http_answer.hpp"
#include "http_outcome.hpp"
#include "http_request.hpp"
#include "http_secret.hpp"

namespace yagura {

// Whoever owns it outlives it, and with it socket, request and URL. Destroying it ends it, without
// `done`; the socket is the owner's to close, also where it is done.
class PlainTransfer : public std::enable_shared_from_this<PlainTransfer> {
 public:
  // `secret`: null for none.
  PlainTransfer(boost::asio::ip::tcp::socket& socket, const HttpRequest& request,
                const HttpUrl& url, const HttpSecret* secret, HttpDone done);
  void start();  // Once.
  HttpProgress progress() const;

 private:
  void read();
  void on_read(const boost::system::error_code& error, std::size_t size);
  void end(HttpOutcome outcome);
  void fail(HttpFault::Kind kind, std::string words = "");
  HttpReply reply();

  boost::asio::ip::tcp::socket& socket_;
  const HttpUrl& url_;
  HttpDone done_;
  std::string request_;
  HttpAnswer answer_;
  std::array<char, 8192> buffer_{};
};

}  // namespace yagura
