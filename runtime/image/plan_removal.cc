// SPDX-License-Identifier: Apache-2.0
// What `docker rmi` takes away, in the order and by the rules of Docker's own engine.
#include <algorithm>
#include <set>

#include "runtime/image/image_names.h"

namespace ballast::image {
namespace {

std::string repository_of(const std::string &name) {
    const Result<Reference> reference = Reference::parse(name);
    return reference.has_value() ? reference->repository() : name;
}

std::vector<std::string> names_of(const ImageRecord &record) {
    std::vector<std::string> names = record.tags;
    names.insert(names.end(), record.digests.begin(), record.digests.end());
    return names;
}

// One tag at most, and every digest of the same repository: taking the tag takes all.
bool is_single_reference(const ImageRecord &record) {
    if (record.tags.size() + record.digests.size() <= 1) {
        return true;
    }
    std::set<std::string> repositories;
    for (const std::string &name : names_of(record)) {
        repositories.insert(repository_of(name));
    }
    return record.tags.size() <= 1 && repositories.size() == 1;
}

bool typed_as_id(const ImageRecord &record, std::string_view typed) {
    if (typed.starts_with("sha256:")) {
        typed.remove_prefix(7);
    }
    return record.id.hex().starts_with(typed);
}

class Plan {
  public:
    Plan(const ImageNames &names, bool force, bool prune_parents, const std::vector<ContainerUse> &containers)
        : left_(names), force_(force), prune_parents_(prune_parents), containers_(containers) {}

    Result<Removal> run(std::string_view typed) {
        const ImageRecord record = *TRY(left_.resolve(typed)); // a copy: names go away below
        const Result<Reference> reference = Reference::parse(typed);
        const bool by_name = reference.has_value() && left_.find(*reference) != nullptr;
        if (by_name || !typed_as_id(record, typed)) {
            TRY(untag(record, *reference));
            if (const ImageRecord *rest = left_.find(record.id); !rest->tags.empty() || !rest->digests.empty()) {
                return removal_;
            }
            TRY(remove(record.id, true, force_));
            return removal_;
        }
        if (is_single_reference(record)) {
            TRY(check(record.id, true, !force_, false));
            untag_all(record.id);
        }
        TRY(remove(record.id, false, force_));
        return removal_;
    }

  private:
    Status untag(const ImageRecord &record, const Reference &reference) {
        if (!force_ && is_single_reference(record)) {
            for (const ContainerUse &container : containers_) {
                if (container.image == record.id) {
                    return fail(EBUSY, "conflict: unable to remove repository reference \"" + reference.familiar() +
                                           "\" (must force) - container " + container.id.substr(0, 12) +
                                           " is using its referenced image " + record.id.shown());
                }
            }
        }
        const bool tag = !reference.digest;
        untag_one(tag ? reference.with_tag(reference.tag.empty() ? std::string(kDefaultTag) : reference.tag).canonical()
                      : reference.with_digest(*reference.digest).canonical());
        // Digests of a repository go with its last tag.
        const ImageRecord rest = *left_.find(record.id);
        const auto in_repository = [&](const std::string &name) {
            return repository_of(name) == reference.repository();
        };
        if (tag && std::ranges::none_of(rest.tags, in_repository)) {
            for (const std::string &name : rest.digests) {
                if (in_repository(name)) {
                    untag_one(name);
                }
            }
        }
        return {};
    }

    void untag_one(const std::string &name) {
        left_.unname(name);
        removal_.untagged.push_back(name);
    }

    void untag_all(const Digest &id) {
        for (const std::string &name : names_of(*left_.find(id))) {
            untag_one(name);
        }
    }

    std::unexpected<Error> conflict(const Digest &id, bool hard, const std::string &why) const {
        return fail(EBUSY, "conflict: unable to delete " + id.shown() +
                               (hard ? " (cannot be forced) - " : " (must be forced) - ") + why);
    }

    Status check(const Digest &id, bool hard, bool soft, bool names) const {
        if (hard && !left_.children(id).empty()) {
            return conflict(id, true, "image has dependent child images");
        }
        for (const ContainerUse &container : containers_) {
            if (hard && container.running && container.image == id) {
                return conflict(id, true, "image is being used by running container " + container.id.substr(0, 12));
            }
        }
        const ImageRecord &record = *left_.find(id);
        if (names && record.tags.size() + record.digests.size() > 0) {
            return conflict(id, false, "image is referenced in multiple repositories");
        }
        for (const ContainerUse &container : containers_) {
            if (soft && !container.running && container.image == id) {
                return conflict(id, false, "image is being used by stopped container " + container.id.substr(0, 12));
            }
        }
        return {};
    }

    // Without names, an image that something needs stays, and silently so when only its name was asked for.
    Status remove(const Digest &id, bool quiet, bool force) {
        const Status checked = check(id, true, !force, !force);
        if (!checked.has_value()) {
            return quiet ? Status() : checked;
        }
        const Digest parent = left_.find(id)->parent;
        untag_all(id);
        left_.remove(id);
        removal_.deleted.push_back(id);
        const ImageRecord *above = left_.find(parent);
        const bool go_on = prune_parents_ && above != nullptr && above->tags.empty() && above->digests.empty() &&
                           check(parent, true, true, true).has_value();
        return go_on ? remove(parent, true, false) : Status();
    }

    ImageNames left_;
    bool force_;
    bool prune_parents_;
    const std::vector<ContainerUse> &containers_;
    Removal removal_;
};

} // namespace

Result<Removal> plan_removal(const ImageNames &names, std::string_view typed, bool force, bool prune_parents,
                             const std::vector<ContainerUse> &containers) {
    return Plan(names, force, prune_parents, containers).run(typed);
}

} // namespace ballast::image
