#include "agents/daemon/kept_log.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "agents/protocol/frame.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view redacted = "[redacted]";
constexpr std::size_t shortest_secret = 8;  // a shorter text is a word, and words are not secrets of ours

std::string read(const fs::path& path, std::size_t most) {
  std::ifstream file{path, std::ios::binary};
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  if (!file || size <= 0) return {};
  const auto wanted = std::min<std::streamoff>(size, static_cast<std::streamoff>(most));
  file.seekg(size - wanted);
  std::string text(static_cast<std::size_t>(wanted), '\0');
  file.read(text.data(), wanted);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (wanted < size) text.erase(0, text.find('\n') + 1);  // half a line says half of it
  return text;
}

void redact(std::string& text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (secret.size() < shortest_secret) continue;
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + redacted.size())) {
      text.replace(at, secret.size(), redacted);
    }
  }
}

}  // namespace

std::vector<KeptLog> broker_logs(const fs::path& folder, std::vector<std::string> secrets) {
  secrets.push_back(read(folder / "home/.erlang.cookie", 1024));
  std::vector<fs::path> files;  // one, unless the log was rotated
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator{folder / "log", failure}) {
    if (entry.path().extension() == ".log" && entry.is_regular_file(failure)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<KeptLog> logs{{"broker.log", {}}, {"broker-output.log", read(folder / "out", protocol::log_bytes_max)}};
  for (const auto& file : files) logs[0].text += read(file, protocol::log_bytes_max / files.size());
  for (auto& log : logs) {
    redact(log.text, secrets);  // what replaces a secret may be longer than it
    if (log.text.size() > protocol::log_bytes_max) log.text.resize(protocol::log_bytes_max);
  }
  std::erase_if(logs, [](const KeptLog& log) { return log.text.empty(); });
  return logs;
}

}  // namespace troop::agents
