#include "http_plain.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace yagura {

namespace asio = boost::asio;
using boost::system::error_code;
using Kind = HttpFault::Kind;

PlainTransfer::PlainTransfer(asio::ip::tcp::socket& socket, const HttpRequest& request,
                             const HttpUrl& url, const HttpSecret* secret, HttpDone done)
    : socket_(socket),
      url_(url),
      done_(std::move(done)),
      request_(http_request_bytes(request, url, secret != nullptr ? secret->authorization() : "")),
      answer_(request.method == HttpRequest::Method::head, request.body_limit, request.keep_body) {}

void PlainTransfer::start() {
  asio::async_write(socket_, asio::buffer(request_),
                    [weak = weak_from_this()](const error_code& error, std::size_t) {
                      auto self = weak.lock();
                      if (!self) return;
                      if (error) return self->fail(Kind::broken_off, error.message());
                      self->read();
                    });
}

void PlainTransfer::read() {
  socket_.async_read_some(asio::buffer(buffer_),
                          [weak = weak_from_this()](const error_code& error, std::size_t size) {
                            if (auto self = weak.lock()) self->on_read(error, size);
                          });
}

void PlainTransfer::on_read(const error_code& error, std::size_t size) {
  if (error && error != asio::error::eof) {
    return answer_.has_begun() ? fail(Kind::broken_off, error.message()) : fail(Kind::no_answer);
  }
  switch (error ? answer_.end() : answer_.take({buffer_.data(), size})) {
    case HttpAnswer::State::incomplete:
      return read();
    case HttpAnswer::State::complete:
    case HttpAnswer::State::cut:
      return end(reply());
    case HttpAnswer::State::too_many_headers:
      return fail(Kind::too_many_headers);
    case HttpAnswer::State::broken_off:
      return fail(Kind::broken_off, "the connection was closed before its end");
    case HttpAnswer::State::nothing:
      return fail(Kind::no_answer);
    case HttpAnswer::State::not_understood:
      return fail(Kind::not_understood);
  }
}

HttpReply PlainTransfer::reply() {
  HttpReply reply;
  reply.page.status = answer_.status();
  reply.page.phrase = answer_.phrase();
  reply.page.body_cut = answer_.body_cut();
  reply.page.body = answer_.take_body();
  reply.location = location_from(url_, answer_.location());
  return reply;
}

void PlainTransfer::fail(Kind kind, std::string words) {
  end(tl::unexpected(HttpFault{kind, std::move(words)}));
}

void PlainTransfer::end(HttpOutcome outcome) {
  if (auto done = std::exchange(done_, nullptr)) done(std::move(outcome));
}

HttpProgress PlainTransfer::progress() const {
  return {answer_.has_begun() ? HttpProgress::Stage::reading : HttpProgress::Stage::waiting,
          answer_.body_bytes()};
}

}  // namespace yagura
