//! Clusters of real processes for tests, and the faults they must withstand.
