/** The accounts of the demo's site. */
export const courtAccounts = ['zhang', 'wang', 'li', 'zhao', 'chen'] as const
/** The server has another password for it than the site. */
export const wrongPasswordAccount = 'wang'
/** The site calls many of its right captcha answers wrong. */
export const flakyCaptchaAccount = 'zhao'
