// RabbitMQ's management HTTP API, within one vhost, as the page /api of the management plugin describes it (3.10).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>
#include <string>

#include "agents/rabbitmq/broker_url.hpp"
#include "agents/rabbitmq/http.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// No call blocks the thread; each takes 10 s at most. Errors: lost, with what was asked and the broker's reason.
class ManagementApi {
 public:
  template <class T>
  using Answer = boost::asio::awaitable<Result<T>>;

  ManagementApi(ManagementAddress address, std::string vhost)
      : address_(std::move(address)), vhost_(std::move(vhost)) {}

  /// A path below /api: each segment is escaped.
  template <class... Segments>
  static std::string path(const Segments&... segments) {
    std::string out;
    (out.append("/").append(path_segment(segments)), ...);
    return out;
  }
  [[nodiscard]] const std::string& vhost() const { return vhost_; }

  /// Null where there is no such thing.
  Answer<boost::json::value> get(std::string path);
  Answer<void> put(std::string path, boost::json::object body);
  Answer<void> post(std::string path, boost::json::object body);
  /// False where there was no such thing. `reason` is what a closed client is told.
  Answer<bool> remove(std::string path, std::string reason = {});

 private:
  Answer<HttpAnswer> ask(std::string method, std::string path, std::string body, std::string reason);

  ManagementAddress address_;
  std::string vhost_;
};

}  // namespace troop::agents
