#include "agents/host/packet_diversion.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

namespace troop::agents {

/// The thread and what it works on. All of it is the thread's while that runs, but the atomic ones.
struct PacketDiversion::Reader {
  Reader(std::shared_ptr<PacketHandler> asked, PacketQueue opened, UniqueFd woken)
      : handler(std::move(asked)), queue(std::move(opened)), wake(std::move(woken)) {}

  void run(const std::stop_token& end) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);  // the agent's signals are for its loop
    prctl(PR_SET_TIMERSLACK, 1UL);
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), -15);  // where it may; accuracy gains on a busy host
    while (!end.stop_requested() && turn(monotonic_ns())) wait();
    // What still comes, came before the rules dried up.
    while (turn(INT64_MAX) && !arrivals.empty()) {
    }
    queue.close();  // so that nothing waits for a thread that is gone
    over = true;
  }

  bool turn(std::int64_t until) {
    arrivals.clear();
    if (queue.receive(arrivals).has_error()) return false;
    received += arrivals.size();
    if (!arrivals.empty() && handler->take_in(queue, arrivals, monotonic_ns()).has_error()) return false;
    return handler->let_go(queue, until).has_value();
  }

  void wait() const {
    pollfd events[] = {{queue.fd(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
    const std::int64_t due = handler->next_due();
    const std::int64_t ns = std::max<std::int64_t>(due - monotonic_ns(), 0);
    const timespec left{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    ppoll(events, 2, due == INT64_MAX ? nullptr : &left, nullptr);
  }

  const std::shared_ptr<PacketHandler> handler;
  PacketQueue queue;
  UniqueFd wake;
  std::vector<QueuedPacket> arrivals;
  std::atomic<std::uint64_t> received = 0;
  std::atomic<bool> over = false;  ///< The queue failed, or it was stopped: packets are not diverted.
  std::jthread thread;
};

PacketDiversion::PacketDiversion(std::unique_ptr<Reader> reader, QueueTable table, Expiry expiry)
    : reader_(std::move(reader)), table_(std::move(table)), expiry_(expiry) {}

PacketDiversion::PacketDiversion(PacketDiversion&& other) noexcept = default;

Result<PacketDiversion> PacketDiversion::start(Traffic traffic, PacketQueue::Tell tell,
                                               std::shared_ptr<PacketHandler> handler, Duration timeout) {
  if (timeout <= Expiry::tick_max) return usage_error("a fault that ends at once");
  BOOST_OUTCOME_TRY(auto queue, PacketQueue::open(tell));
  UniqueFd wake{eventfd(0, EFD_CLOEXEC)};
  if (!wake) return system_error(ErrorKind::usage, "eventfd", errno);
  const std::uint16_t number = queue.number();
  auto reader = std::make_unique<Reader>(std::move(handler), std::move(queue), std::move(wake));
  Expiry expiry{timeout};
  expiry.renewed(boottime_ns());
  BOOST_OUTCOME_TRY(auto table, QueueTable::start(std::move(traffic), number, timeout));
  reader->thread = std::jthread{[&reading = *reader](const std::stop_token& end) { reading.run(end); }};
  return PacketDiversion{std::move(reader), std::move(table), expiry};
}

PacketDiversion::~PacketDiversion() {
  if (reader_) (void)stop();
}

Result<void> PacketDiversion::renew() {
  const std::int64_t asked = boottime_ns();
  if (reader_->over || expiry_.is_over(asked)) {
    return Error{ErrorKind::lost, "what " + table_.name() + " did has ended"};
  }
  BOOST_OUTCOME_TRY(table_.renew());
  expiry_.renewed(asked);
  return success();
}

Result<std::uint64_t> PacketDiversion::unheld() const {
  BOOST_OUTCOME_TRY(const auto met, table_.met());
  const std::uint64_t seen = reader_->received;
  return met > seen ? met - seen : 0;
}

Result<void> PacketDiversion::stop() {
  if (reader_->thread.joinable()) {
    (void)table_.dry_up();  // else what is held would be lost
    reader_->thread.request_stop();
    (void)eventfd_write(reader_->wake.get(), 1);
    reader_->thread.join();
  }
  return table_.stop();
}

}  // namespace troop::agents
