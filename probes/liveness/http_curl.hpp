// One request by libcurl: TLS, signatures, and whatever http_plain.hpp does not do or understand.
// It asks the addresses that it is given, follows no redirect, and lets nobody else follow one.
// Owned by a run (http_run.cpp).
#pragma once

#include <boost/asio/ip/address.hpp>
#include <memory>
#include <vector>

#include "http_outcome.hpp"
#include "http_request.hpp"
#include "http_secret.hpp"

namespace yagura {

namespace io {
class Runtime;
}

// Whoever owns it outlives it, and with it request, URL, addresses and secret. Destroying it ends
// it, without `done`.
class CurlTransfer {
 public:
  using Addresses = std::vector<boost::asio::ip::address>;
  // `secret`: null for none.
  CurlTransfer(io::Runtime& runtime, const HttpRequest& request, const HttpUrl& url,
               const Addresses& addresses, const HttpSecret* secret, HttpDone done);
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  bool start();  // Once. False where there is no memory; then `done` is never called.
  HttpProgress progress() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace yagura
