//! People and programs: roles, and what each role may do.

use crate::words::words;

words! {
    /// What a person, or an API token, is trusted with.
    Role {
        /// Runs the fleet.
        Operator => "operator", "Operator";
        /// Records custody, repairs and notes.
        Support => "support", "Support";
        /// Approves what is dangerous.
        Manager => "manager", "Manager";
        /// Reads everything, changes nothing.
        Auditor => "auditor", "Auditor";
        /// Manages people and settings.
        Admin => "admin", "Admin";
    }
}

words! {
    /// What can be done, as far as permission is concerned.
    Permission {
        /// See devices, history, batches, custodians.
        FleetRead => "fleet.read", "See the fleet";
        /// Bring in files.
        ImportRun => "import.run", "Import files";
        /// See what was imported and what was wrong with it.
        ImportRead => "import.read", "See imports";
        /// Record shipping, receiving, transfer, return.
        CustodyRecord => "custody.record", "Record custody";
        /// Claim a device for a client by the code on its label.
        DeviceClaim => "device.claim", "Claim devices";
        /// Retire and destroy devices.
        DeviceRetire => "device.retire", "Retire devices";
        /// Open repairs, record parts, authorise.
        RepairManage => "repair.manage", "Record repairs";
        /// Close a repair whose device can't report.
        RepairClose => "repair.close", "Close a repair without the device’s report";
        /// Write a note on a device.
        NoteAdd => "note.add", "Write notes";
        /// Void a history entry by a new one.
        HistoryCorrect => "history.correct", "Correct history";
        /// Enter and change custodians.
        CustodianManage => "custodian.manage", "Manage custodians";
        /// Keep views of the device list.
        ViewSave => "view.save", "Save views";
        /// Read and verify the audit log.
        AuditRead => "audit.read", "Read the audit log";
        /// See who has an account or a token.
        PeopleRead => "people.read", "See users and tokens";
        /// Create, change and disable accounts.
        UserManage => "user.manage", "Manage users";
        /// Create and revoke API tokens.
        TokenManage => "token.manage", "Manage API tokens";
        /// Change one's own password, end one's own sessions.
        AccountManage => "account.manage", "Manage one's own account";
        /// See authorities, certificates and revocations.
        AuthorityRead => "authority.read", "See authorities and certificates";
        /// Ask for an authority; a second person approves.
        AuthorityRequest => "authority.request", "Request authorities";
        /// Bring in roots, deliver authorities' certificates, retire authorities.
        AuthorityManage => "authority.manage", "Manage authorities";
        /// Enrol devices and stations, make kits.
        CertificateEnrol => "certificate.enrol", "Enrol devices";
        /// Hold one device's certificate, and release it.
        CertificateHold => "certificate.hold", "Hold and release one device";
        /// Revoke certificates; beyond a limit a second person approves.
        CertificateRevoke => "certificate.revoke", "Revoke certificates";
        /// Push releases: files, what they are made of, how their checks ended.
        ReleasePush => "release.push", "Push releases";
        /// Let releases enter the next stage; where a rule says so a second person approves.
        ReleasePromote => "release.promote", "Promote releases";
        /// Withdraw releases, for good.
        ReleaseWithdraw => "release.withdraw", "Withdraw releases";
        /// Write rollouts and submit them; a manager approves.
        RolloutWrite => "rollout.write", "Write rollouts";
        /// Pause, resume, advance and abort rollouts.
        RolloutRun => "rollout.run", "Run rollouts";
        /// See what waits for a second person.
        ApprovalRead => "approval.read", "See approvals";
        /// Approve or reject what somebody else requested.
        ApprovalDecide => "approval.decide", "Decide approvals";
        /// Change settings.
        SettingManage => "setting.manage", "Manage settings";
    }
}

impl Role {
    /// Whether this role may do that.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::FleetRead | P::ImportRead | P::AccountManage | P::AuthorityRead => true,
            P::ImportRun
            | P::DeviceRetire
            | P::CustodianManage
            | P::AuthorityRequest
            | P::CertificateEnrol
            | P::ReleasePush
            | P::ReleasePromote
            | P::RolloutWrite => matches!(self, Self::Operator | Self::Admin),
            P::CustodyRecord | P::HistoryCorrect | P::DeviceClaim | P::RepairManage => {
                matches!(self, Self::Operator | Self::Support | Self::Admin)
            }
            P::NoteAdd | P::ViewSave | P::CertificateHold => !matches!(self, Self::Auditor),
            P::CertificateRevoke | P::RepairClose | P::ReleaseWithdraw | P::RolloutRun => {
                matches!(self, Self::Operator | Self::Manager | Self::Admin)
            }
            P::AuditRead | P::ApprovalRead => !matches!(self, Self::Support),
            P::ApprovalDecide => matches!(self, Self::Manager),
            P::PeopleRead => matches!(self, Self::Admin | Self::Auditor),
            P::UserManage | P::TokenManage | P::AuthorityManage | P::SettingManage => matches!(self, Self::Admin),
        }
    }
}
