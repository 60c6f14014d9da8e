#include "agents/rabbitmq/http.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <memory>

#include "agents/host/elsewhere.hpp"

namespace troop::agents {
namespace {

constexpr long connect_ms_max = 2000;
constexpr std::size_t body_bytes_max = 8 << 20;

struct CleanUpEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::size_t keep_body(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > body_bytes_max) return 0;  // libcurl then ends with a write error
  body.append(data, size * count);
  return size * count;
}

/// Once, before any thread asks (libcurl's "global constants" page).
bool initialised() {
  static const bool good = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return good;
}

Error failed(const HttpRequest& request, std::string_view why) {
  return {ErrorKind::lost, fmt::format("{} {}: {}", request.method, request.url, why)};
}

/// Peer and name are verified: libcurl's default, said so that nothing takes it away.
void verify_peer(CURL* curl, const std::string& ca_file) {
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (ca_file.empty()) return;
  curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);  // the system's folder would count too
}

/// libcurl's own words where it has some; whose certificates counted where that is the question.
std::string reason(CURLcode code, const char* details, const std::string& ca_file) {
  if (code == CURLE_WRITE_ERROR) return "the answer is longer than 8 MiB";
  std::string why = *details != '\0' ? details : curl_easy_strerror(code);
  if (code == CURLE_PEER_FAILED_VERIFICATION)
    why += ", by the CAs of " + (ca_file.empty() ? "the system; ca_file names others" : ca_file);
  return why;
}

}  // namespace

Result<HttpAnswer> ask_http(const HttpRequest& request) {
  const std::unique_ptr<CURL, CleanUpEasy> handle{initialised() ? curl_easy_init() : nullptr};
  if (!handle) return failed(request, "out of memory");
  CURL* const curl = handle.get();
  HttpAnswer answer;
  std::unique_ptr<curl_slist, FreeList> headers{curl_slist_append(nullptr, "Content-Type: application/json")};
  for (const auto& header : request.headers) {
    curl_slist* const longer = curl_slist_append(headers.get(), header.c_str());
    if (longer == nullptr) return failed(request, "out of memory");
    (void)headers.release();
    headers.reset(longer);
  }
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // not even one that the environment names
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  verify_peer(curl, request.ca_file);
  std::array<char, CURL_ERROR_SIZE> details{};
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details.data());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms_max);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count() / 1'000'000));
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  if (!request.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(curl, CURLOPT_USERNAME, request.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, request.password.c_str());
  }
  if (request.body.empty() && request.method == "POST") curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
  if (!request.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (!request.unix_socket.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) {
    return failed(request, reason(code, details.data(), request.ca_file));
  }
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

asio::awaitable<Result<HttpAnswer>> ask_http_elsewhere(HttpRequest request) {
  if (!initialised()) co_return failed(request, "libcurl does not start");  // here: no thread runs yet
  const std::function<Result<HttpAnswer>()> work = [asked = std::move(request)] { return ask_http(asked); };
  co_return co_await elsewhere(work);
}

std::string path_segment(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '~';  // not '.': a segment of dots would be taken for a folder
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace troop::agents
