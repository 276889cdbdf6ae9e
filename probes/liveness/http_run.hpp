// One run of an http probe: the page fetched, redirects followed one by one, each of their names
// looked up as the first was. libcurl fetches it (http_curl.hpp); a GET or HEAD in the clear, which
// most of very many checks are, is asked over a socket of our own, which costs half
// (http_plain.hpp). Owned by http.cpp, which reads the keys and judges the page.
#pragma once

#include <functional>
#include <memory>

#include "http_outcome.hpp"
#include "http_request.hpp"
#include "network.hpp"

namespace yagura {

// `judge` is asked where a page came: its phrase and body are raw, but a secret of the request that
// they quote is taken out. All else ends in a finding of its own.
std::shared_ptr<NetworkRun> fetch_page(io::Runtime& runtime, const ProbeRun& run,
                                       std::shared_ptr<const HttpRequest> request,
                                       std::function<Finding(const HttpPage&)> judge,
                                       std::function<void(Finding)> done);

}  // namespace yagura
