// One HTTP request, by libcurl: bounded in time and size, no redirects, no proxy, nothing but http and https. Whoever
// answers https is always verified.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::agents {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< Without credentials: it may be told.
  std::string user;
  std::string password;                   ///< Never printed.
  std::string body = {};                  ///< JSON; sent where it is not empty.
  std::vector<std::string> headers = {};  ///< "Name: value"
  std::string unix_socket = {};           ///< Path of a socket to ask instead of the URL's host.
  std::string ca_file = {};               ///< For https: whose certificates alone count; empty: the system's.
  Duration timeout = std::chrono::seconds{10};  ///< A busy broker may take some seconds.
};

struct HttpAnswer {
  long status = 0;
  std::string body;
};

/// Blocks for `timeout` at most; answers beyond 8 MiB are an error. Any status is an answer. Errors: lost.
Result<HttpAnswer> ask_http(const HttpRequest& request);
/// The same, without blocking the caller's thread.
boost::asio::awaitable<Result<HttpAnswer>> ask_http_elsewhere(HttpRequest request);

/// As one segment of a path: "a/b" becomes "a%2Fb".
std::string path_segment(std::string_view text);

}  // namespace troop::agents
