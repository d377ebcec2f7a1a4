// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/worker/class_slices.h"
#include "agent/worker/pod_life.h"
#include "agent/worker/shutdown.h"

namespace ballast::agent {

// A pod that somebody defines.
struct WantedPod {
    Pod pod = {};
    bool ended = false;                     // long ago: not to be started again
    bool deleted = false;                   // to be ended, if it runs
    std::optional<std::int64_t> grace = {}; // seconds in place of its own, when it is deleted
};

// Every pod of the node, wanted or not: hands what the runtime says to each, and adopts what runs already. In the
// owner's thread alone.
class Pods {
  public:
    using Time = BackOff::Time;

    // `world` and `background` outlive it.
    Pods(const World &world, Background &background);

    // The pods that there are to be, all of them; `cluster_known`: those of the API server are among them. A pod of
    // another UID is another pod: it starts when the one of its name is gone.
    void want(std::vector<WantedPod> pods, bool cluster_known);

    // What is done with them when the machine is shut down.
    std::vector<Shutdown::One> for_shutdown() const;
    void end(const Shutdown::End &end);
    // A pod that starts or runs is to end, with a second of grace; `why`: for people.
    void evict(const std::string &uid, const std::string &why);

    // Something has happened to pods at the runtime; `uids` with an empty one: to any.
    void changed(const std::set<std::string> &uids);
    // When the runtime is to be asked next; `told`: changed() is called for whatever happens there.
    Time next_look(Time now, bool told) const;
    // Asks it, in the background; what it says is looked at when it is there.
    void look(Time now);
    // True: one of them is in another state now, which may concern others.
    bool step(Time now);

    // The runtime answers, and every pod that is wanted has been started or has ended.
    bool ready() const;
    std::vector<std::string> list() const;                                               // "NAMESPACE/NAME STATE"
    const std::map<std::string, std::unique_ptr<PodLife>> &all() const { return pods_; } // by UID
    bool looked() const { return looked_; }                                              // the runtime has answered
    // So have those who define pods: what is not in all() is nobody's.
    bool knows_all() const { return looked_ && told_ && cluster_known_; }
    // The last look failed, and why.
    const std::string &trouble() const { return trouble_; }

  private:
    void looked(Result<ObservedPods> observed, Time now);
    void adopt(const ObservedPods &observed);
    bool name_is_taken(const PodLife &pod) const;

    const World &world_;
    Background &background_;
    BackOff back_off_;
    ClassSlices slices_;
    std::map<std::string, std::unique_ptr<PodLife>> pods_;
    bool told_ = false; // want() was called: what is not wanted is known
    bool cluster_known_ = false;
    bool looking_ = false; // a look is on its way
    bool looked_ = false;  // one has succeeded
    bool changed_ = false; // something has happened since one began
    Time last_look_{0};
    bool directories_checked_ = false;
    std::string trouble_;
};

} // namespace ballast::agent
