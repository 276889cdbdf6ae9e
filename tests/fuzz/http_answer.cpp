// What a target of the http probe answers, sent by a server on loopback: its status line, headers
// and body are judged as in production.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <optional>

#include "fuzz.hpp"
#include "kinds.hpp"
#include "runtime.hpp"
#include "yaml.hpp"

namespace yagura::fuzz {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class Stage {
 public:
  Finding answer(std::string_view bytes) {
    std::optional<Finding> finding;
    tcp::socket socket(loop_);
    std::string request, answer(bytes);
    // What is not understood in the clear is asked for once more, by libcurl.
    std::function<void()> serve = [&] {
      acceptor_.async_accept(socket, [&](boost::system::error_code error) {
        if (error) return;
        request.clear();
        asio::async_read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n",
                               [&](boost::system::error_code, std::size_t) {
                                 asio::async_write(socket, asio::buffer(answer),
                                                   [&](boost::system::error_code, std::size_t) {
                                                     socket.close();
                                                     if (!finding) serve();
                                                   });
                               });
      });
    };
    serve();
    probe_->start(runtime_, {{}, 5s, false}, [&](Finding given) {
      require(!finding, "a run ends once");
      finding = std::move(given);
    });
    loop_.restart();
    while (!finding && loop_.run_one() != 0) {
    }
    socket.close();
    acceptor_.cancel();
    loop_.restart();
    loop_.poll();
    require(finding.has_value(), "a run ends");
    return *finding;
  }

 private:
  std::unique_ptr<Probe> make() {
    Problems problems;
    const std::string keys =
        "url: http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) +
        "/\nredirects: 0\nexpect: {status: \"200-399\", body: ok, matches: \"[0-9]+ of ([a-z]|あ)*\"}\n"
        "latency: {failing: '>= 3s'}\n";
    const YamlDocument document = parse_yaml(keys, "keys", problems);
    Reader reader(document.root, problems, "the probe");
    auto probe = make_http(reader);
    require(probe != nullptr, problems.empty() ? "there is a probe" : problems.front().message);
    return probe;
  }

  asio::io_context loop_;
  io::Runtime runtime_{loop_};
  tcp::acceptor acceptor_{loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::unique_ptr<Probe> probe_ = make();
};

void run(std::string_view bytes) {
  static Stage stage;
  const Finding finding = stage.answer(bytes);
  require(!finding.reason.empty(), "a finding has a reason");
  require_safe(finding.reason, 500);
  require(finding.verdict != Verdict::unknown, "what a target answers is not our own trouble");
}
const Target target("http_answer", run);

}  // namespace
}  // namespace yagura::fuzz
