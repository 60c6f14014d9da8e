#include "controller/cli/watch.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "controller/cli/support.hpp"

namespace troop::controller {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string counts_text(const Counts& counts) {
  return fmt::format("published {}  confirmed {}  delivered {}", counts.published, counts.confirmed, counts.delivered);
}

/// Redraws one line, ten times a second; what is worth keeping scrolls away above it.
class TerminalProgress : public Progress {
 public:
  ~TerminalProgress() override { erase(); }
  void phase(const std::string& name) override {
    erase();
    write_all(stderr, fmt::format("{:>7.1f}s  {}\n", seconds(Duration{monotonic_ns() - began_}), name));
  }
  void note(const std::string& text) override {
    erase();
    write_all(stderr, fmt::format("{:>7.1f}s    {}\n", seconds(Duration{monotonic_ns() - began_}), text));
  }
  void tick(const std::string& phase, std::optional<Duration> left, const Counts& counts) override {
    const std::int64_t now = monotonic_ns();
    if (now - drawn_ < 100'000'000) return;
    drawn_ = now;
    const std::string remaining = left ? fmt::format(", {:.0f} s left", seconds(*left)) : "";
    write_all(stderr, fmt::format("\r\x1b[K          {}{}  {}", phase, remaining, counts_text(counts)));
    line_open_ = true;
  }

 private:
  void erase() {
    if (line_open_) write_all(stderr, "\r\x1b[K");
    line_open_ = false;
  }
  std::int64_t began_ = monotonic_ns();
  std::int64_t drawn_ = 0;
  bool line_open_ = false;
};

class PlainProgress : public Progress {
 public:
  void phase(const std::string& name) override { line(name); }
  void note(const std::string& text) override { line("  " + text); }
  void tick(const std::string& phase, std::optional<Duration> left, const Counts& counts) override {
    const std::int64_t now = monotonic_ns();
    if (now - said_ < 5'000'000'000) return;
    said_ = now;
    const std::string remaining = left ? fmt::format(" ({:.0f} s left)", seconds(*left)) : "";
    line(fmt::format("  {}{}: {}", phase, remaining, counts_text(counts)));
  }

 private:
  static void line(const std::string& text) {
    write_all(stderr, fmt::format("{:%Y-%m-%dT%H:%M:%SZ} {}\n", fmt::gmtime(std::time(nullptr)), text));
  }
  std::int64_t said_ = monotonic_ns();
};

}  // namespace

std::unique_ptr<Progress> make_progress(bool terminal) {
  if (terminal) return std::make_unique<TerminalProgress>();
  return std::make_unique<PlainProgress>();
}

}  // namespace troop::controller
