// Loss in bursts, as a chain of two states: in the good one every packet arrives, in the bad one none. After E. N.
// Gilbert, "Capacity of a Burst-Noise Channel", Bell System Technical Journal, 1960, and E. O. Elliott, "Estimates of
// Error Rates for Codes on Burst-Noise Channels", 1963; it is tc-netem's `loss gemodel P R`.
//
//            P: a burst begins
//     good ───────────────────> bad        in the long run P / (P + R) of the packets are lost,
//          <───────────────────            1 / R in a row on average
//            R: it is over
#pragma once

#include <fmt/format.h>

#include <algorithm>

#include "common/error.hpp"
#include "common/ids.hpp"

namespace troop::agents {

struct LossChain {
  static constexpr double burst_max = 10'000;

  double p = 0, r = 1;  ///< For each packet.
  bool bad = false;

  /// `share` of the packets, above 0 and below 1, in bursts of `burst` packets on average. Errors: usage, where no
  /// such chain is: between two bursts at least one packet arrives.
  static Result<LossChain> of(double share, double burst) {
    if (!(burst >= 1 && burst <= burst_max)) {
      return usage_error(fmt::format("a burst is of 1 to {} packets on average, not of {}", burst_max, burst));
    }
    if (!(share > 0 && share < 1))
      return usage_error(fmt::format("bursts are of less than 100 %, not {} %", share * 100));
    const double p = share / (1 - share) / burst;
    if (p > 1 + 1e-9) {  // rounding is no refusal: 80 % in bursts of 4
      return usage_error(fmt::format("{:g} % of the packets are lost in bursts of at least {:g} packets, not of {:g}",
                                     share * 100, share / (1 - share), burst));
    }
    return LossChain{.p = std::min(p, 1.0), .r = 1 / burst};
  }
  /// Whether the next packet is lost.
  bool loses(Random& random) {
    bad = random.unit() < (bad ? 1 - r : p);
    return bad;
  }
};

}  // namespace troop::agents
